/** How long to wait between tries, milliseconds. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * The wait before a try: exponential, capped, with full jitter, so that clients cut off together do not come back
 * together.
 *
 * @param attempt Number of failures since the last success, from 0.
 * @param random A number in [0, 1).
 * @returns Whole milliseconds in [0, min(maxMs, minMs·2^attempt)].
 */
export function backoffMs(attempt: number, random: number, { minMs, maxMs }: BackoffOptions): number {
  return Math.round(random * Math.min(maxMs, minMs * 2 ** Math.min(attempt, 40)));
}
