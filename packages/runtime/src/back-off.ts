/** How long to wait between tries, milliseconds. */
export interface BackOff {
  /** The longest first wait. */
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Between two tries at a conditional write: somebody else's takes some milliseconds. */
const RACE: BackOff = { firstMs: 5, maxMs: 200 };

/**
 * How long to wait before another attempt: twice as long each time, up to the bound, and half of it chance, so
 * that two that lost to each other, or clients that were cut off together, do not come back together.
 *
 * @param attempt Number of failures before, from 0.
 * @param chance In [0, 1).
 * @param backOff Left out for a lost race.
 */
export function backOffMs(attempt: number, chance: number, { firstMs, maxMs }: BackOff = RACE): number {
  return Math.min(maxMs, firstMs * 2 ** attempt) * (0.5 + chance / 2);
}
