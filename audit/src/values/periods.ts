import type { Subject } from './tally.ts';

/** Length of a window, and of the stretch of windows that is compared at once; an hour is a multiple of it. */
export const WINDOW_MS = 5_000;
export const STRETCH_MS = 300_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** Where in time a period of some length begins that holds a time. */
export function startOf(timeMs: number, lengthMs: number): number {
  return timeMs - (timeMs % lengthMs);
}

/** A table of longer candles: the column that bounds its partitions, and the length of a period. */
export interface RollupTable {
  readonly table: Extract<Subject, 'candles_1m' | 'candles_5m' | 'candles_1h' | 'candles_1d'>;
  readonly bucket: 'day' | 'month' | 'year';
  readonly lengthMs: number;
}

/** The tables of longer candles. */
export const ROLLUP_TABLES: readonly RollupTable[] = [
  { table: 'candles_1m', bucket: 'day', lengthMs: 60_000 },
  { table: 'candles_5m', bucket: 'day', lengthMs: STRETCH_MS },
  { table: 'candles_1h', bucket: 'month', lengthMs: HOUR_MS },
  { table: 'candles_1d', bucket: 'year', lengthMs: DAY_MS },
];

/** The date in a table's partition key: the day, the first of its month, or the first of its year. */
export function bucketDate(bucket: RollupTable['bucket'], timeMs: number): string {
  const date = new Date(timeMs).toISOString().slice(0, 10);
  if (bucket === 'day') return date;
  return bucket === 'month' ? `${date.slice(0, 7)}-01` : `${date.slice(0, 4)}-01-01`;
}
