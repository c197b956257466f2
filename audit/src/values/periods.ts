import type { Subject } from './tally.ts';

/** Length of a window, and of the stretch of windows that is compared at once; a day is a multiple of it. */
export const WINDOW_MS = 5_000;
export const STRETCH_MS = 300_000;
const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Where in time a period of some length begins that holds a time. */
export function startOf(timeMs: number, lengthMs: number): number {
  return timeMs - (timeMs % lengthMs);
}

/** How long the partitions of `trades` and of `candles_5s` are. */
export const TRADES_BUCKET_MS = 30_000;
export const CANDLES_BUCKET_MS = 600_000;

/** A table of longer candles: the length of a period, and that of a partition. */
export interface RollupTable {
  readonly table: Extract<Subject, 'candles_1m' | 'candles_5m' | 'candles_1h' | 'candles_1d'>;
  readonly lengthMs: number;
  readonly bucketMs: number;
}

/** The tables of longer candles. */
export const ROLLUP_TABLES: readonly RollupTable[] = [
  { table: 'candles_1m', lengthMs: 60_000, bucketMs: 2 * HOUR_MS },
  { table: 'candles_5m', lengthMs: 300_000, bucketMs: 10 * HOUR_MS },
  { table: 'candles_1h', lengthMs: HOUR_MS, bucketMs: 5 * DAY_MS },
  { table: 'candles_1d', lengthMs: DAY_MS, bucketMs: 24 * DAY_MS },
];

/** The UTC day of a time, `2026-11-28`. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
