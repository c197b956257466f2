/** The average of a number that changes now and then. Times are monotonic, milliseconds. */
export interface LoadAverage {
  /** The number is another one from now on. */
  set(value: number, nowMs: number): void;
  /** The average over the window, or since the beginning if that is later. */
  average(nowMs: number): number;
  /** Begins anew. */
  reset(nowMs: number): void;
}

interface Stretch {
  readonly fromMs: number;
  readonly value: number;
}

/** An average over the last `windowMs`, weighted by how long each value held. */
export function createLoadAverage(windowMs: number): LoadAverage {
  let stretches: Stretch[] = [];

  return {
    set(value, nowMs) {
      stretches.push({ fromMs: nowMs, value });
    },
    average(nowMs) {
      const beginMs = nowMs - windowMs;
      // The last one that began before the window holds into it.
      const first = stretches.findLastIndex(({ fromMs }) => fromMs <= beginMs);
      if (first > 0) stretches = stretches.slice(first);
      let area = 0;
      let endMs = nowMs;
      for (const { fromMs, value } of stretches.toReversed()) {
        const startMs = Math.max(fromMs, beginMs);
        area += value * (endMs - startMs);
        endMs = startMs;
      }
      return endMs === nowMs ? 0 : area / (nowMs - endMs);
    },
    reset(nowMs) {
      stretches = [{ fromMs: nowMs, value: 0 }];
    },
  };
}
