/** A length of candle that can be shown. */
export interface Interval {
  readonly name: '5s' | '1m' | '5m' | '1h' | '1d';
  readonly periodMs: number;
  /** How many candles are read at once. */
  readonly bars: number;
}

/** The lengths, shortest first. */
export const INTERVALS: readonly Interval[] = [
  { name: '5s', periodMs: 5_000, bars: 720 },
  { name: '1m', periodMs: 60_000, bars: 720 },
  { name: '5m', periodMs: 300_000, bars: 576 },
  { name: '1h', periodMs: 3_600_000, bars: 720 },
  { name: '1d', periodMs: 86_400_000, bars: 400 },
];

/** The shortest one: only it is streamed, has stored indicators, and can be explained. */
export const SHORTEST: Interval = INTERVALS[0] ?? { name: '5s', periodMs: 5_000, bars: 720 };
