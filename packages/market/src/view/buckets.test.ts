import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { periodStartOf, ROLLUP_LEVELS } from '../candle/rollup.ts';
import { BUCKET_MS, type BucketedView, bucketOf, bucketsBetween } from './buckets.ts';

const views = fc.constantFrom(...(Object.keys(BUCKET_MS) as BucketedView[]));
const times = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
/** The tables of candles, each made of the one before. */
const CANDLES = ['candles_5s', 'candles_1m', 'candles_5m', 'candles_1h', 'candles_1d'] as const;
const PARTITION_ROWS = 100_000;

test('bucketsBetween() names the bucket of every time in the range, ascending, and no other', () => {
  fc.assert(
    fc.property(views, times, fc.nat(), (view, fromMs, length) => {
      const toMs = fromMs + (length % (50 * BUCKET_MS[view]));
      const buckets = [...bucketsBetween(view, fromMs, toMs)];
      expect(buckets).toEqual(buckets.toSorted((a, b) => a - b));
      if (toMs === fromMs) return;
      expect(buckets.at(0)).toBe(bucketOf(view, fromMs));
      expect(buckets.at(-1)).toBe(bucketOf(view, toMs - 1));
      expect(buckets).toHaveLength(((buckets.at(-1) ?? 0) - (buckets.at(0) ?? 0)) / BUCKET_MS[view] + 1);
    }),
  );
});

test('the parts of a longer candle stand in one bucket', () => {
  fc.assert(
    fc.property(fc.constantFrom(...ROLLUP_LEVELS.entries()), times, ([place, level], timeMs) => {
      const parts = CANDLES[place] ?? 'candles_5s';
      const startMs = periodStartOf(timeMs, level);
      expect(bucketOf(parts, startMs)).toBe(bucketOf(parts, startMs + level.periodMs - 1));
    }),
  );
});

test('a partition stays below 100,000 rows at 2,000 trades a second of one symbol, and with 800 symbols in a shard', () => {
  expect((BUCKET_MS.trades / 1_000) * 2_000).toBeLessThan(PARTITION_ROWS);
  expect((BUCKET_MS.order_books / 1_000) * 4 * 800).toBeLessThan(PARTITION_ROWS);
  const periods = [5_000, ...ROLLUP_LEVELS.map(({ periodMs }) => periodMs)];
  for (const [place, table] of CANDLES.entries())
    expect((BUCKET_MS[table] / (periods[place] ?? 1)) * 800).toBeLessThan(PARTITION_ROWS);
});
