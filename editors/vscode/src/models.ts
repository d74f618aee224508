/** The models that `quicksilver model list --json` names, as a user chooses among them. Pure functions; must not know the editor. */

/** The one that every build has. */
export const EMBEDDED = 'quicksilver';

/** A model to choose. */
export interface Listed {
  readonly id: string;
  /** What it is good at, its size and licence. */
  readonly about: string;
  /** On this machine: it can be chosen at once. */
  readonly isHere: boolean;
}

/** The models of a listing, those that are on this machine first; none where it is not a listing. */
export function listed(json: string): Listed[] {
  let report: unknown;
  try {
    report = JSON.parse(json);
  } catch {
    return [];
  }
  const models = isObject(report) && Array.isArray(report['models']) ? report['models'].filter(isObject) : [];
  const all = models.flatMap((model): Listed[] => {
    const { id, good_at: goodAt, bytes, licence, pulled, fits } = model;
    if (typeof id !== 'string' || id === '') {
      return [];
    }
    const about = [goodAt, size(bytes), licence, fits === false ? 'too large for this machine' : undefined];
    const said = about.filter((part): part is string => typeof part === 'string' && part !== '');
    return [{ id, about: said.join(' · '), isHere: id === EMBEDDED || typeof pulled === 'string' }];
  });
  return [...all.filter(({ isHere }) => isHere), ...all.filter(({ isHere }) => !isHere)];
}

function size(bytes: unknown): string | undefined {
  return typeof bytes === 'number' && bytes > 0 ? `${(bytes / 1e9).toFixed(1)} GB` : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
