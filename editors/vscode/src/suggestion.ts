/** What a frame says, as the text of a ghost. Pure functions; must not know the editor. */

import type { Frame } from './protocol.ts';

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
