/** Which names are near the cursor. Pure functions; must not know the editor. */

/** Names that are asked for, and characters of the shortest; characters of a line that are looked at. */
export const MOST_NAMES = 8;
const SHORTEST = 3;
const LINE_LENGTH = 1000;

/** A name, and where it starts: lines above the cursor's, and a character. */
export interface NearName {
  readonly name: string;
  readonly above: number;
  readonly character: number;
}

/** The names on the cursor's line, the nearest first, then those of the line above; each once. */
export function namesNear(line: string, above: string, character: number): NearName[] {
  const found = [line, above].flatMap((text, up) =>
    [...text.slice(0, LINE_LENGTH).matchAll(/(?<![\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]*/gu)].map(({ 0: name, index }) => {
      const near = Math.min(Math.abs(character - index), Math.abs(character - index - name.length));
      return { name, above: up, character: index, far: up === 0 ? near : 2 * LINE_LENGTH - index };
    }),
  );
  const long = found.filter(({ name }) => name.length >= SHORTEST);
  long.sort((a, b) => a.far - b.far || b.character - a.character);
  const once = long.filter(({ name }, at) => long.findIndex((other) => other.name === name) === at);
  return once.slice(0, MOST_NAMES).map(({ name, above: up, character: at }) => ({ name, above: up, character: at }));
}
