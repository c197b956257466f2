/** How often one target may be called. */
export interface RateLimit {
  /** Monotonic time at which the next call could begin. */
  readyAtMs(): number;
  /**
   * Takes a turn, if one comes before the deadline. @returns When it comes; null if too late, and none is
   * taken.
   */
  take(deadlineMs: number): number | null;
  /** No call before this time: the target asked for a pause. */
  pauseUntil(atMs: number): void;
}

/**
 * A limit of so many calls a minute, of which so many may come at once, by the generic cell rate algorithm
 * (ITU-T I.371). Nobody is dropped here: who gets no turn comes again.
 */
export function createRateLimit(
  { ratePerMinute, burst }: { readonly ratePerMinute: number; readonly burst: number },
  monotonicMs: () => number,
): RateLimit {
  const spacingMs = 60_000 / ratePerMinute;
  const toleranceMs = spacingMs * (burst - 1);
  let theoreticalMs = Number.NEGATIVE_INFINITY;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;

  const readyAtMs = (): number => Math.max(monotonicMs(), theoreticalMs - toleranceMs, pausedUntilMs);
  return {
    readyAtMs,
    take(deadlineMs) {
      const atMs = readyAtMs();
      if (atMs > deadlineMs) return null;
      theoreticalMs = Math.max(theoreticalMs, atMs) + spacingMs;
      return atMs;
    },
    pauseUntil(atMs) {
      pausedUntilMs = Math.max(pausedUntilMs, atMs);
    },
  };
}
