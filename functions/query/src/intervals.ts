import type { BucketedView } from '@kandle/market/view/buckets';

/** A length of candle that can be asked for, and the table that holds it. */
export interface Interval {
  readonly name: '5s' | '1m' | '5m' | '1h' | '1d';
  readonly table: BucketedView;
  readonly periodMs: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** From the shortest to the longest. */
export const INTERVALS: Readonly<Record<Interval['name'], Interval>> = {
  '5s': { name: '5s', table: 'candles_5s', periodMs: 5 * SECOND_MS },
  '1m': { name: '1m', table: 'candles_1m', periodMs: MINUTE_MS },
  '5m': { name: '5m', table: 'candles_5m', periodMs: 5 * MINUTE_MS },
  '1h': { name: '1h', table: 'candles_1h', periodMs: HOUR_MS },
  '1d': { name: '1d', table: 'candles_1d', periodMs: DAY_MS },
};

/** The UTC days that hold the times from `fromMs` up to, but not including, `toMs`: `2026-11-28`, ascending. */
export function* daysBetween(fromMs: number, toMs: number): Generator<string> {
  for (let atMs = fromMs - (fromMs % DAY_MS); atMs < toMs; atMs += DAY_MS)
    yield new Date(atMs).toISOString().slice(0, 10);
}
