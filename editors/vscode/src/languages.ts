/** What the user calls a language, of which the editor tells extensions the id only. Must not know the status. */

/** What an extension's `package.json` says of languages. */
export interface Contribution {
  readonly id?: unknown;
  readonly aliases?: unknown;
}

/** The name of the language, as the editor shows it: its first alias; its id, where it has none. */
export function languageName(id: string, contributions: readonly Contribution[]): string {
  const aliases = contributions.filter((language) => language?.id === id).map(({ aliases }) => (Array.isArray(aliases) ? aliases[0] : undefined));
  return aliases.find((name): name is string => typeof name === 'string' && name !== '') ?? id;
}
