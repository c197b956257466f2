import { BUCKET_MS, type BucketedView, bucketOf } from '@kandle/market/view/buckets';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { seriesBuckets } from './series-buckets.ts';

const DAY_MS = 86_400_000;
const NEWEST = Date.UTC(2026, 10, 24, 0, 3);
/** Times of trades, in clusters with long silences between. */
const times = fc
  .array(fc.tuple(fc.nat(3), fc.nat(3), fc.nat(700)), { minLength: 1, maxLength: 12 })
  .map((places) =>
    places.map(([days, hours, seconds]) => NEWEST - days * 9 * DAY_MS - hours * 7_200_000 - seconds * 1_000),
  );
const views = fc.constantFrom<BucketedView>('trades', 'candles_5s', 'indicators', 'candles_1m', 'candles_5m');

test('seriesBuckets() names every bucket that has something, each once and ascending, and few beside them', async () => {
  await fc.assert(
    fc.asyncProperty(views, times, fc.func(fc.boolean()), async (view, traded, isPending) => {
      const rolledUp = traded.filter((timeMs) => !isPending(timeMs) && timeMs < NEWEST - 60_000);
      const startsOf = (lengthMs: number) => rolledUp.map((timeMs) => timeMs - (timeMs % lengthMs));
      const found = await Array.fromAsync(
        seriesBuckets(
          view,
          { fromMs: 0, toMs: 10 * NEWEST },
          {
            newestMs: NEWEST,
            starts: async (table, fromMs, toMs) =>
              startsOf(table === 'candles_1d' ? DAY_MS : 300_000).filter(
                (startMs) => startMs >= fromMs && startMs < toMs,
              ),
            pending: async () => traded.filter((timeMs) => isPending(timeMs)),
          },
        ),
      );
      expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
      expect(found).toEqual(expect.arrayContaining(traded.map((timeMs) => bucketOf(view, timeMs))));
      expect(found.length).toBeLessThanOrEqual(
        (traded.length + 5) * Math.ceil(300_000 / BUCKET_MS[view] + 1),
      );
    }),
  );
});

test('seriesBuckets() asks nothing, when the range is short', async () => {
  const never = () => Promise.reject(new Error('asked'));
  const range = { fromMs: NEWEST - 3_600_000, toMs: NEWEST };
  const buckets = seriesBuckets('trades', range, { newestMs: NEWEST, starts: never, pending: never });
  expect(await Array.fromAsync(buckets)).toHaveLength(120);
});
