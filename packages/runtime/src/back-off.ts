/** Longest wait between two attempts at a lost race, milliseconds. */
const MAX_BACK_OFF_MS = 200;
const FIRST_MS = 5;

/**
 * How long to wait before another attempt: twice as long each time, up to 200 ms, and half of it chance, so that two
 * that lost to each other do not meet again.
 *
 * @param attempt Number of attempts before, from 0.
 * @param chance In [0, 1).
 */
export function backOffMs(attempt: number, chance: number): number {
  return Math.min(MAX_BACK_OFF_MS, FIRST_MS * 2 ** attempt) * (0.5 + chance / 2);
}
