/** When a server that died is started again: later each time, and at last not at all. Must not know the editor. */

/** So many deaths within so many ms, and the extension gives up. */
export const MAX_RESTARTS = 5;
export const RESTART_WINDOW_MS = 3 * 60 * 1000;
/** The first wait; it doubles with each death in the window, up to the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;

export interface NextWait {
  /** ms before the next start; undefined: give up. */
  readonly wait: number | undefined;
  /** The deaths within the window. */
  readonly recent: readonly number[];
}

/** @param deaths times of all deaths so far in ms, the latest last */
export function nextWait(deaths: readonly number[], now: number): NextWait {
  const recent = deaths.filter((time) => now - time < RESTART_WINDOW_MS);
  if (recent.length > MAX_RESTARTS) {
    return { wait: undefined, recent };
  }
  const doubled = FIRST_WAIT_MS * 2 ** Math.max(0, recent.length - 1);
  return { wait: Math.min(doubled, LONGEST_WAIT_MS), recent };
}
