import { e16, e8 } from '../number/fixed-point.ts';
import { amountsE8, FIRST_WINDOW_MS, pricesE8, trades } from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  type CandleBatch,
  formatCandleBatch,
  parseCandleBatch,
  type PublishedCandle,
  publishedCandle,
} from './candle-batch.ts';
import { candleOf } from './candle.ts';
import type { WindowRow, WindowState } from '../window/window-state.ts';

const states = fc.constantFrom('provisional' as const, 'final' as const, 'revised' as const);

const publishedCandles: fc.Arbitrary<PublishedCandle> = fc.record({
  symbol: fc.tuple(fc.constantFrom('A', 'B:', '^'), fc.nat(999)).map(([begin, n]) => `${begin}${n}`),
  version: fc.integer({ min: 1, max: 9 }),
  state: states,
  revision: fc.nat(3),
  reason: fc.constantFrom(null, 'late_trade', 'late_first', 'feed_gap'),
  complete: fc.boolean(),
  lastTradeMs: fc.nat(),
  openE8: pricesE8,
  highE8: pricesE8,
  lowE8: pricesE8,
  closeE8: pricesE8,
  volumeE8: amountsE8,
  notionalE16: fc.bigInt({ min: 1n, max: 10n ** 46n }).map(e16),
  priceSumE8: pricesE8,
  tradeCount: fc.integer({ min: 1, max: 1_000 }),
});

const candleBatches: fc.Arbitrary<CandleBatch> = fc.record({
  shard: fc.constant('finnhub-03'),
  windowStartMs: fc.constant(FIRST_WINDOW_MS),
  windowMs: fc.constant(5_000),
  kind: states,
  version: fc.integer({ min: 1, max: 9 }),
  candles: fc.uniqueArray(publishedCandles, { maxLength: 6, selector: ({ symbol }) => symbol }),
});

const bySymbol = (a: PublishedCandle, b: PublishedCandle): number => (a.symbol < b.symbol ? -1 : 1);

test('parseCandleBatch() gives the batch back with symbols ascending, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(candleBatches, (batch) => {
      const [event, ...others] = formatCandleBatch(batch);
      expect(others).toEqual([]);
      if (batch.candles.length === 0) {
        expect(event).toBeUndefined();
        return;
      }
      const parsed = parseCandleBatch(JSON.parse(JSON.stringify(event?.data)));
      expect(parsed).toEqual({ ...batch, candles: batch.candles.toSorted(bySymbol) });
    }),
  );
});

const CANDLE: PublishedCandle = {
  symbol: 'AAPL',
  version: 4,
  state: 'final',
  revision: 0,
  reason: null,
  complete: true,
  lastTradeMs: FIRST_WINDOW_MS + 4_999,
  openE8: e8(1n),
  highE8: e8(4n),
  lowE8: e8(1n),
  closeE8: e8(2n),
  volumeE8: e8(3n),
  notionalE16: e16(7n),
  priceSumE8: e8(5n),
  tradeCount: 3,
};
const BATCH: CandleBatch = {
  shard: 'finnhub-03',
  windowStartMs: FIRST_WINDOW_MS,
  windowMs: 5_000,
  kind: 'final',
  version: 4,
  candles: [CANDLE],
};

test.each([
  [1, [1]],
  [250, [250]],
  [251, [250, 1]],
  [501, [250, 250, 1]],
])('formatCandleBatch() makes parts of at most 250, when there are %d candles', (count, sizes) => {
  const candles = Array.from({ length: count }, (_, index) => ({ ...CANDLE, symbol: `S${9_999 - index}` }));
  const events = formatCandleBatch({ ...BATCH, candles });
  const parsed = events.map((event) => parseCandleBatch(event.data));
  expect(parsed.map((part) => part.candles.length)).toEqual(sizes);
  expect(parsed.flatMap((part) => part.candles)).toEqual(candles.toSorted(bySymbol));
  expect(events.map(({ id }) => id)).toEqual(
    sizes.map((_, part) => `finnhub-03:${FIRST_WINDOW_MS}:4:final:${part}`),
  );
});

test('formatCandleBatch() carries the trace on, when there is one', () => {
  const [plain] = formatCandleBatch(BATCH);
  const [traced] = formatCandleBatch(BATCH, '00-a-b-01');
  expect(plain).toMatchObject({ type: 'io.kandle.candles.v1', source: '/feeds/finnhub', key: 'finnhub-03' });
  expect(plain?.extensions).toEqual({ partitionkey: 'finnhub-03', shard: 'finnhub-03' });
  expect(traced).toEqual({ ...plain, extensions: { ...plain?.extensions, traceparent: '00-a-b-01' } });
});

const WINDOW: WindowState = {
  version: 7,
  finalVersion: 0,
  incompleteVersion: 0,
  applied: new Map(),
  minOffset: null,
  rows: new Map(),
};

test('publishedCandle() shows the candle of the row, when the trade is any', () => {
  fc.assert(
    fc.property(trades, (trade) => {
      const key = { eventTimeMs: trade.eventTimeMs, epoch: 1, sequence: 1, index: 0 };
      const candle = candleOf(trade, key, FIRST_WINDOW_MS);
      const { firstKey, lastKey, idHashSum, windowStartMs, ...visible } = candle;
      expect([firstKey, lastKey, typeof idHashSum, windowStartMs]).toEqual([
        key,
        key,
        'bigint',
        FIRST_WINDOW_MS,
      ]);
      expect(publishedCandle(WINDOW, { candle, version: 3, revision: 0, reason: null })).toEqual({
        ...visible,
        version: 3,
        state: 'provisional',
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: trade.eventTimeMs,
      });
    }),
  );
});

test.each<[string, Partial<WindowState>, Omit<WindowRow, 'candle'>, object]>([
  [
    'provisional of its own version, when the window is open',
    { finalVersion: 0 },
    { version: 3, revision: 0, reason: null },
    { state: 'provisional', version: 3 },
  ],
  [
    'final of the closing version, when the row is older',
    { finalVersion: 5 },
    { version: 3, revision: 0, reason: null },
    { state: 'final', version: 5 },
  ],
  [
    'final of its own version, when it came first after the close',
    { finalVersion: 5 },
    { version: 6, revision: 0, reason: 'late_first' },
    { state: 'final', version: 6, reason: 'late_first' },
  ],
  [
    'revised, when a trade came late',
    { finalVersion: 5 },
    { version: 7, revision: 2, reason: 'late_trade' },
    { state: 'revised', version: 7, revision: 2, complete: true },
  ],
  [
    'incomplete of a version of its own, when a gap became known while the window was open',
    { incompleteVersion: 4 },
    { version: 3, revision: 0, reason: null },
    { state: 'provisional', version: 4, revision: 0, reason: null, complete: false },
  ],
  [
    'final and incomplete, when the gap was known before the close',
    { incompleteVersion: 4, finalVersion: 5 },
    { version: 3, revision: 0, reason: null },
    { state: 'final', version: 5, revision: 0, reason: null, complete: false },
  ],
  [
    'revised, when a gap became known after the close',
    { finalVersion: 5, incompleteVersion: 6 },
    { version: 3, revision: 1, reason: 'late_trade' },
    { state: 'revised', version: 6, revision: 2, reason: 'feed_gap', complete: false },
  ],
  [
    'final, when it came first after the close and the gap',
    { finalVersion: 5, incompleteVersion: 6 },
    { version: 7, revision: 0, reason: 'late_first' },
    { state: 'final', version: 7, revision: 0, reason: 'late_first', complete: false },
  ],
])('publishedCandle() is %s', (_, window, row, published) => {
  const trade = { id: 'a', symbol: 'AAPL', eventTimeMs: 0, priceE8: e8(1n), sizeE8: e8(1n) };
  const candle = candleOf(trade, { eventTimeMs: 0, epoch: 1, sequence: 1, index: 0 }, 0);
  expect(publishedCandle({ ...WINDOW, ...window }, { candle, ...row })).toMatchObject(published);
});

const JSON_CANDLE = {
  ...CANDLE,
  openE8: 1,
  highE8: 4,
  lowE8: 1,
  closeE8: 2,
  volumeE8: '3',
  notionalE16: '7',
  priceSumE8: 5,
};

test('parseCandleBatch() takes a batch without candles, when a producer sends one', () => {
  expect(parseCandleBatch({ ...BATCH, candles: [] }).candles).toEqual([]);
  expect(parseCandleBatch({ ...BATCH, candles: [JSON_CANDLE] })).toEqual(BATCH);
});

test('parseCandleBatch() takes a candle for complete and its last trade for late, when the event is of before both', () => {
  const { complete, lastTradeMs, ...old } = JSON_CANDLE;
  expect([complete, lastTradeMs]).toEqual([true, FIRST_WINDOW_MS + 4_999]);
  expect(parseCandleBatch({ ...BATCH, candles: [old] })).toEqual(BATCH);
});

test.each<[string, unknown]>([
  ['is null', null],
  ['has no shard', { ...BATCH, shard: undefined }],
  ['has an empty shard', { ...BATCH, shard: '' }],
  ['has a shard of 41 characters', { ...BATCH, shard: 'x'.repeat(41) }],
  ['has a negative start', { ...BATCH, windowStartMs: -5_000 }],
  ['has a start that is text', { ...BATCH, windowStartMs: '0' }],
  ['has a length of 0', { ...BATCH, windowMs: 0 }],
  ['has an unknown kind', { ...BATCH, kind: 'open' }],
  ['has a version of 0', { ...BATCH, version: 0 }],
  ['has no candles', { ...BATCH, candles: undefined }],
  ['has 10,001 candles', { ...BATCH, candles: Array.from({ length: 10_001 }, () => JSON_CANDLE) }],
])('parseCandleBatch() refuses, when the data %s', (_, data) => {
  const json =
    typeof data === 'object' && data !== null && 'candles' in data && data.candles === BATCH.candles;
  expect(() => parseCandleBatch(json ? { ...data, candles: [JSON_CANDLE] } : data)).toThrow(z.ZodError);
});

test.each<[keyof PublishedCandle, readonly unknown[]]>([
  ['symbol', ['AAPL ', '', null]],
  ['version', [0, 1.5, '1']],
  ['state', ['open', null]],
  ['revision', [-1, 0.5]],
  ['reason', [undefined, 5, 'x'.repeat(65)]],
  ['complete', [null, 'true', 1]],
  ['lastTradeMs', [-1, null, '5']],
  ['openE8', [1.5, '1.5', null, 2 ** 53]],
  ['highE8', ['x']],
  ['lowE8', [{}]],
  ['closeE8', ['']],
  ['volumeE8', [true]],
  ['notionalE16', ['1e5']],
  ['priceSumE8', [Number.POSITIVE_INFINITY]],
  ['tradeCount', [0, 1.5, '1']],
])('parseCandleBatch() refuses, when the %s of a candle is malformed', (name, values) => {
  for (const value of values) {
    const data = { ...BATCH, candles: [{ ...JSON_CANDLE, [name]: value }] };
    expect(() => parseCandleBatch(data)).toThrow(z.ZodError);
  }
});
