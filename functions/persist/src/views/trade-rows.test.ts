import { e8 } from '@kandle/market/number/fixed-point';
import { BUCKET_MS } from '@kandle/market/view/buckets';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { HEADER, rowsOf, table, tradesEvent, W0 } from '../../test/row-events.ts';
import { tradeRows } from './trade-rows.ts';

test('rowsOf() makes one partition per bucket of 30 seconds, when a batch crosses its end', () => {
  const bucket = Math.ceil(W0 / BUCKET_MS.trades) * BUCKET_MS.trades;
  const partitions = rowsOf(
    tradesEvent(1, [
      { id: 'a', timeMs: bucket - 1, price: 6_183_763_000_000n },
      { id: 'b', timeMs: bucket, price: 100_000_000n },
    ]),
  );
  const key = { feed: 'finnhub', shard: 'finnhub-03', symbol: 'A' };
  const before = bucket - BUCKET_MS.trades;
  expect(partitions.map((rows) => rows.map(({ view, columns }) => ({ view, ...columns })))).toEqual([
    [{ view: 'trades', ...key, bucket: before, time: bucket - 1, id: 'a', price: 61_837.63, size: 0.5 }],
    [{ view: 'trades', ...key, bucket, time: bucket, id: 'b', price: 1, size: 0.5 }],
    [{ view: 'latest', ...key, time: bucket, price: 1, size: 0.5 }],
  ]);
});

test('rowsOf() keeps the last of the trades of one millisecond in latest, within a batch and across two', () => {
  const rows = [
    ...rowsOf(tradesEvent(2, [{ id: 'c', timeMs: W0, price: 300n }])),
    ...rowsOf(
      tradesEvent(1, [
        { id: 'a', timeMs: W0, price: 100n },
        { id: 'b', timeMs: W0, price: 200n },
      ]),
    ),
  ].flat();
  const latest = [...table(rows)].filter(([key]) => key.includes('latest'));
  expect(latest.map(([, columns]) => columns['price'])).toEqual([0.000003]);
});

/** Batches in the order of their arrival: of writers that started before and after the trades' milliseconds. */
const arrivals = fc
  .array(
    fc.record({
      epoch: fc.constantFrom(W0 - 90_000, W0 + 1_000),
      sequence: fc.constantFrom(1, 2, 999, 1_000, 1_001, 9_999, 10_000, 1_048_575),
      timeMs: fc.constantFrom(W0 - 1, W0, W0 + 1),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((batches) => batches.toSorted((a, b) => a.epoch - b.epoch || a.sequence - b.sequence));

test('rowsOf() keeps the last trade by time and arrival in latest, across a thousand batches and a new epoch', () => {
  fc.assert(
    fc.property(arrivals, fc.boolean(), (batches, isReversed) => {
      const events = batches.map(({ epoch, sequence, timeMs }, n) =>
        tradesEvent(sequence, [{ id: String(n), timeMs, price: BigInt(n + 1) * 100_000_000n }], epoch),
      );
      const rows = (isReversed ? events.toReversed() : events).flatMap((event) => rowsOf(event).flat());
      const [newest] = batches
        .map((batch, n) => ({ ...batch, n }))
        .toSorted((a, b) => b.timeMs - a.timeMs || b.epoch - a.epoch || b.sequence - a.sequence || b.n - a.n);
      const same = batches.flatMap(({ epoch, sequence, timeMs }, n) =>
        epoch === newest?.epoch && sequence === newest.sequence && timeMs === newest.timeMs ? [n + 1] : [],
      );
      const found = [...table(rows)].find(([key]) => key.includes('latest'));
      expect(same).toContain(found?.[1]['price']);
    }),
  );
});

test('tradeRows() refuses a time beyond the year 2255', () => {
  const trade = { id: 'a', symbol: 'A', eventTimeMs: Number.MAX_SAFE_INTEGER - 1_000 };
  const trades = [{ ...trade, priceE8: e8(1n), sizeE8: e8(1n) }];
  expect(() => tradeRows({ ...HEADER, trades })).toThrow(RangeError);
});

test('tradeRows() stores the conditions of a trade that has any, and what they leave of it', () => {
  const trade = { symbol: 'IWM', eventTimeMs: W0, priceE8: e8(100_000_000n), sizeE8: e8(1n) };
  const header = { shard: 'finnhub-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
  const trades = [
    { ...trade, id: 'plain' },
    { ...trade, id: 'odd', conditions: '1,12', rank: 2 as const },
    { ...trade, id: 'regular', conditions: '1' },
    { ...trade, id: 'update', sizeE8: e8(0n), rank: 3 as const },
  ];
  const rows = tradeRows({ ...header, trades }).flat();
  expect(rows.filter(({ view }) => view !== 'latest')).toMatchObject([
    { view: 'trades', columns: { id: 'plain' } },
    { view: 'conditioned_trades', columns: { id: 'odd', conditions: '1,12', price_rank: 2 } },
    { view: 'conditioned_trades', columns: { id: 'regular', conditions: '1', price_rank: 0 } },
  ]);
});

test('tradeRows() takes a price that is not the market for the latest only when no better one is near', () => {
  const batchAt = (eventTimeMs: number, price: bigint, rank: 0 | 2) => {
    const trade = { id: 'a', symbol: 'IWM', eventTimeMs, priceE8: e8(price), sizeE8: e8(1n) };
    const header = { shard: 'finnhub-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
    return { ...header, trades: [rank === 0 ? trade : { ...trade, rank }] };
  };
  const latestOf = (batches: readonly TradeBatch[]) =>
    [...table(batches.flatMap((batch) => tradeRows(batch).flat()))]
      .filter(([key]) => key.includes('latest'))
      .map(([, { time }]) => Number(time) - W0);
  const market = batchAt(W0, 1n, 0);
  for (const [atMs, latestMs] of [
    [4_999, 0],
    [5_001, 5_001],
  ] as const) {
    const other = batchAt(W0 + atMs, 9n, 2);
    expect([latestOf([market, other]), latestOf([other, market])]).toEqual([[latestMs], [latestMs]]);
  }
});

test('tradeRows() makes no rows of looks but the latest price', () => {
  const look = { id: 'a', symbol: 'A', eventTimeMs: W0, priceE8: e8(100_000_000n), sizeE8: e8(0n) };
  const header = { shard: 'yahoo-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
  const looks = tradeRows({ ...header, sampled: true, trades: [look] });
  expect(looks.flat().map(({ view }) => view)).toEqual(['latest']);
});
