/** What a frame says, as the text of a ghost. Pure functions; must not know the editor. */

import type { Frame, Run } from './protocol.ts';

const GLYPHS_OF_AN_EMPTY_RUN = 3;

/** A guess is not shown as if it were decided. */
function veil(guess: string, glyph: string): string {
  return guess === '' ? glyph.repeat(GLYPHS_OF_AN_EMPTY_RUN) : guess.replaceAll(/\S/gu, glyph);
}

/** The whole span as it stands, with `glyph` for each character that is still masked; line feeds only. */
export function frameText(frame: Frame, glyph: string): string {
  const shown = frame.runs.map((run) => (run.kind === 'masked' ? veil(run.text, glyph) : run.text));
  return shown.join('').replaceAll(/\r\n?/g, '\n');
}

/** "3/8", or "3" where the end is not known. */
export function frameSteps(frame: Frame): string {
  return frame.steps === undefined ? `${frame.step}` : `${frame.step}/${frame.steps}`;
}

/** Longer lines are cut: a decoration does not wrap. */
const MAX_CHARACTERS = 200;
const MASK_GLYPH = '░';

/** The first line of what runs say, and how many lines follow it: decorations are drawn on one line only. */
export function runsLine(runs: readonly Run[]): string {
  const shown = runs.map((run) => (run.kind === 'masked' ? veil(run.text, MASK_GLYPH) : run.text)).join('');
  const [first = '', ...further] = shown.split(/\r\n|\r|\n/);
  const cut = first.length > MAX_CHARACTERS ? `${first.slice(0, MAX_CHARACTERS)}…` : first;
  // A decoration's blanks would collapse.
  const solid = cut.replaceAll('\t', '    ').replaceAll(' ', '\u00a0');
  const lines = further.length === 1 ? 'line' : 'lines';
  return further.length === 0 ? solid : `${solid}\u00a0\u00a0+${further.length}\u00a0${lines}`;
}

/** What is left of a suggestion once `typed` is in the text, line ends being equal; undefined where that is none of it, or all. */
export function restOf(text: string, typed: string): string | undefined {
  const [whole, part] = [text, typed].map((one) => one.replaceAll(/\r\n?/g, '\n')) as [string, string];
  return part !== '' && whole.startsWith(part) && whole !== part ? whole.slice(part.length) : undefined;
}
