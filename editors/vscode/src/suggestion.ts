/**
 * What a frame looks like on one line: VS Code draws decorations on one line only, and the real ghost text comes
 * with the answer. Pure functions; must not know the editor.
 */

import type { Frame } from './protocol.ts';

/** Stands for a position that is still masked; as wide as a letter in the editor's font. */
const MASK_GLYPH = '░';
const GLYPHS_OF_AN_EMPTY_RUN = 3;
/** Longer lines are cut: a decoration does not wrap. */
const MAX_CHARACTERS = 200;

/** The first line of a frame. */
export interface FrameLine {
  readonly text: string;
  /** Share of its characters that is decided, in [0, 1]. */
  readonly decided: number;
}

/** A guess is not shown as if it were decided. */
function veil(guess: string): string {
  return guess === '' ? MASK_GLYPH.repeat(GLYPHS_OF_AN_EMPTY_RUN) : guess.replaceAll(/\S/gu, MASK_GLYPH);
}

/** The first line of what `frame` shows, and how many lines follow it. */
export function frameLine(frame: Pick<Frame, 'runs'>): FrameLine {
  let text = '';
  let decided = 0;
  let furtherLines = 0;
  for (const run of frame.runs) {
    const masked = run.kind === 'masked';
    const shown = masked ? veil(run.text) : run.text;
    const [first = '', ...rest] = shown.split(/\r\n|\r|\n/);
    if (furtherLines === 0) {
      text += first;
      decided += masked ? 0 : first.length;
    }
    furtherLines += rest.length;
  }
  const share = text.length === 0 ? 0 : decided / text.length;
  const cut = text.length > MAX_CHARACTERS ? `${text.slice(0, MAX_CHARACTERS)}…` : text;
  // A decoration's blanks would collapse.
  const solid = cut.replaceAll('\t', '    ').replaceAll(' ', '\u00a0');
  const badge = furtherLines > 0 ? `\u00a0\u00a0+${furtherLines} ${furtherLines === 1 ? 'line' : 'lines'}` : '';
  return { text: solid + badge, decided: share };
}
