/** How fast a counter grows. */
export interface Rate {
  /** @returns Units per second over the last seconds. */
  sample(value: number, nowMs: number): number;
}

const SPAN_MS = 4_000;

/** A rate over the last four seconds, or over what there was. */
export function createRate(): Rate {
  const samples: { readonly value: number; readonly atMs: number }[] = [];
  return {
    sample(value, nowMs) {
      samples.push({ value, atMs: nowMs });
      while (samples.length > 2 && nowMs - (samples[1]?.atMs ?? nowMs) >= SPAN_MS) samples.shift();
      const [first] = samples;
      if (first === undefined || first.atMs >= nowMs) return 0;
      // A process that was started again counts from 0.
      return Math.max(0, ((value - first.value) * 1_000) / (nowMs - first.atMs));
    },
  };
}
