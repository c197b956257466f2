/** The last values of a series, oldest first; never more than the period that it is pushed with. */
export type Ring = readonly number[];

/** The ring with a value more, without the values that are older than the last `period`. */
export function pushRing(ring: Ring, value: number, period: number): Ring {
  return [...ring.slice(Math.max(0, ring.length - period + 1)), value];
}

/**
 * Simple moving average: the mean of the last `period` values, or null while there are fewer.
 *
 * It is summed anew each time, oldest first. A running sum would drift, and a series that is recomputed from
 * its middle would then end in other bits than one computed from its start.
 */
export function smaOf(ring: Ring, period: number): number | null {
  if (ring.length < period) return null;
  const first = ring.length - period;
  let sum = 0;
  for (let index = first; index < ring.length; index++) sum += ring[index] ?? 0;
  return sum / period;
}

/** An exponential moving average so far: `value` is the sum of the first values until `seen` is the period. */
export interface EmaState {
  readonly seen: number;
  readonly value: number;
}

/** The state before the first value. */
export const EMA_START: EmaState = { seen: 0, value: 0 };

/**
 * Exponential moving average with weight 2 / (period + 1), seeded by the mean of the first `period` values, as
 * TA-Lib does by default.
 */
export function pushEma(state: EmaState, value: number, period: number): EmaState {
  const seen = Math.min(period + 1, state.seen + 1);
  if (seen < period) return { seen, value: state.value + value };
  if (seen === period) return { seen, value: (state.value + value) / period };
  const weight = 2 / (period + 1);
  return { seen, value: weight * value + (1 - weight) * state.value };
}

/** The average, or null while fewer than `period` values were seen. */
export function emaOf(state: EmaState, period: number): number | null {
  return state.seen < period ? null : state.value;
}

/**
 * Wilder's average so far, which RSI and ATR are made of: the mean of the first `period` values, then
 * (average × (period − 1) + value) / period. `value` is the sum of the first values until `seen` is the period.
 */
export function pushWilder(state: EmaState, value: number, period: number): EmaState {
  const seen = Math.min(period + 1, state.seen + 1);
  if (seen < period) return { seen, value: state.value + value };
  if (seen === period) return { seen, value: (state.value + value) / period };
  return { seen, value: (state.value * (period - 1) + value) / period };
}
