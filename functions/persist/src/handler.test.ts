import { e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { PoisonError } from '@kandle/runtime/errors';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  booksEvent,
  candle,
  candlesEvent,
  HEADER,
  HORIZON_MS,
  newsEvent,
  received,
  rowsOf,
  table,
  tradesEvent,
  W0,
} from '../test/row-events.ts';
import { createPersist } from './handler.ts';
import { VIEWS } from './views/view-rows.ts';

test('rowsOf() makes one partition of an event for a view, and of final candles for both of theirs, however many symbols it has', () => {
  const symbols = Array.from({ length: 400 }, (_, n) => `S${n}`);
  const trades = received(
    formatRawTrades({
      ...HEADER,
      watermarkMs: W0,
      trades: symbols.map((symbol) => {
        return { id: symbol, symbol, eventTimeMs: W0, priceE8: e8(1n), sizeE8: e8(1n) };
      }),
    }),
  );
  expect(rowsOf(trades).map((rows) => [rows[0]?.view, rows.length])).toEqual([
    ['trades', 400],
    ['latest', 400],
  ]);
  const events = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'final',
    version: 2,
    candles: symbols.map((symbol) => ({ ...candle(2, 'final'), symbol })),
  });
  for (const event of events) {
    const { candles } = event.data as { candles: readonly unknown[] };
    expect(rowsOf(received(event)).map((rows) => rows.length)).toEqual([2 * candles.length]);
  }
});

test('rowsOf() leaves the same tables, whatever the order of the events and however often they come', () => {
  const events = [
    candlesEvent(1, 'provisional', 100_000_000n),
    candlesEvent(3, 'final', 300_000_000n),
    candlesEvent(4, 'revised', 400_000_000n),
    tradesEvent(1, [{ id: 'a', timeMs: W0, price: 100n }]),
    tradesEvent(2, [{ id: 'b', timeMs: W0, price: 200n }]),
    tradesEvent(3, [{ id: 'c', timeMs: W0 - 5, price: 300n }]),
    received(
      formatFeedGap(
        { shard: 'finnhub-03', fromMs: W0, toMs: W0 + 9, reason: 'silent', droppedRecords: 0 },
        1,
      ),
    ),
  ];
  const expected = table(events.flatMap((event) => rowsOf(event).flat()));
  const newest = [...expected]
    .filter(([key]) => key.includes('candles_5s'))
    .map(([, columns]) => columns['close']);
  expect(newest).toEqual([4]);
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 12 }), (repeats) => {
      const shuffled = [...repeats, ...events.toReversed(), ...repeats];
      expect(table(shuffled.flatMap((event) => rowsOf(event).flat()))).toEqual(expected);
    }),
  );
});

test('rowsOf() writes no null, for Grafana draws it as 0', () => {
  for (const event of [candlesEvent(2, 'final'), tradesEvent(1, [{ id: 'a', timeMs: W0, price: 1n }])]) {
    for (const { view, columns } of rowsOf(event).flat()) {
      expect(Object.keys(columns).toSorted()).toEqual([...VIEWS[view].columns].toSorted());
      expect(Object.values(columns).every((value) => value !== null && value !== undefined)).toBe(true);
    }
  }
});

/** The data of a candle event with another volume. */
function withVolume(volumeE8: number): unknown {
  const { candles, ...data } = candlesEvent(1, 'final').data as { candles: readonly object[] };
  return { ...data, candles: candles.map((candle) => ({ ...candle, volumeE8 })) };
}

test.each([
  ['records that are none', { ...tradesEvent(1, []), data: { records: [{ id: 'a' }] } }],
  ["a clean batch, which is aggregate's", { ...tradesEvent(1, []), type: EVENT_TYPES.trades }],
  ['no data', { ...candlesEvent(1, 'final'), data: null }],
  ['a type that is not ours', { ...candlesEvent(1, 'final'), type: EVENT_TYPES.rejects }],
  [
    'a shard without a feed',
    {
      ...candlesEvent(1, 'final'),
      data: { shard: 'x', windowStartMs: W0, windowMs: 5_000, kind: 'final', version: 1, candles: [] },
    },
  ],
  ['a version that is no int', candlesEvent(2 ** 31, 'final')],
  ['a volume of 0', { ...candlesEvent(1, 'final'), data: withVolume(0) }],
])('rowsOf() refuses for ever, when an event has %s', (_, event) => {
  expect(() => rowsOf(event)).toThrow(PoisonError);
});

test('rowsOf() leaves out what transform refuses: trades, books and news', () => {
  const late = tradesEvent(1, [
    { id: 'a', timeMs: W0 - HORIZON_MS - 1, price: 1n },
    { id: 'b', timeMs: W0 - HORIZON_MS, price: 1n },
  ]);
  expect(rowsOf(late).flat()).toMatchObject([{ columns: { id: 'b' } }, { view: 'latest' }]);
  const malformed = { ...late, data: { records: [{ id: 'a', record: { s: 'A', p: 'x', t: W0, v: 1 } }] } };
  expect(rowsOf(malformed)).toEqual([]);
  expect(rowsOf(booksEvent({ s: 'A', t: W0, b: [], a: [[1, 1]] }))).toEqual([]);
  expect(rowsOf(newsEvent(W0, { headline: '' })).flat()).toEqual([]);
});

test('createPersist() counts the rows by view, when they are written', async () => {
  const added: unknown[] = [];
  const rows = { add: (...values: unknown[]) => void added.push(values) };
  const event = tradesEvent(1, [
    { id: 'a', timeMs: W0, price: 1n },
    { id: 'b', timeMs: W0 + 1, price: 2n },
  ]);
  await createPersist({ views: { write: () => Promise.resolve() }, rows, horizonMs: HORIZON_MS })(event);
  expect(added).toEqual([
    [2, { view: 'trades' }],
    [1, { view: 'latest' }],
  ]);
  const refuses = { write: () => Promise.reject(new Error('away')) };
  await expect(createPersist({ views: refuses, rows, horizonMs: HORIZON_MS })(event)).rejects.toThrow('away');
  expect(added).toHaveLength(2);
});
