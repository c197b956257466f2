import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  formatIndicatorBatch,
  type IndicatorBatch,
  parseIndicatorBatch,
  type SymbolIndicators,
} from './indicator-batch.ts';

const indicators: fc.Arbitrary<SymbolIndicators> = fc.record({
  symbol: fc.constantFrom('AAPL', 'BINANCE:BTCUSDT', '^GSPC', 'EUR/USD'),
  version: fc.integer({ min: 1, max: 3 }),
  candleVersion: fc.integer({ min: 1, max: 3 }),
  repeated: fc.nat({ max: 12 }),
  restarted: fc.boolean(),
  close: fc.double({ min: 0.1, max: 1e6, noNaN: true }),
  values: fc.dictionary(
    fc.constantFrom('sma20', 'rsi14', 'macd'),
    fc.double({ min: 0, max: 100, noNaN: true }),
    {
      noNullPrototype: true,
    },
  ),
});

const batch = (some: readonly SymbolIndicators[]): IndicatorBatch => ({
  shard: 'finnhub-03',
  windowStartMs: 1_764_000_000_000,
  indicators: some,
});

test('parseIndicatorBatch() gives the batch back with symbols ascending, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(fc.uniqueArray(indicators, { minLength: 1, selector: ({ symbol }) => symbol }), (some) => {
      const [event, ...others] = formatIndicatorBatch(batch(some), 'trace');
      expect(others).toEqual([]);
      expect(event?.extensions).toEqual({
        partitionkey: 'finnhub-03',
        shard: 'finnhub-03',
        traceparent: 'trace',
      });
      const parsed = parseIndicatorBatch(JSON.parse(JSON.stringify(event?.data)));
      expect(parsed).toEqual(batch(some.toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1))));
    }),
  );
});

test('formatIndicatorBatch() gives the same id to the same symbols and versions, in any order, and else another', () => {
  const [one, two] = [
    { symbol: 'A', version: 1, candleVersion: 1, repeated: 0, restarted: false, close: 1, values: {} },
    { symbol: 'B', version: 1, candleVersion: 1, repeated: 0, restarted: false, close: 1, values: {} },
  ];
  const idOf = (some: readonly SymbolIndicators[]): string | undefined =>
    formatIndicatorBatch(batch(some))[0]?.id;
  if (one === undefined || two === undefined) throw new Error('no rows');
  expect(idOf([one, two])).toBe(idOf([two, one]));
  const ids = [[one, two], [one], [one, { ...two, version: 2 }]].map(idOf);
  expect(new Set(ids).size).toBe(3);
});

test('formatIndicatorBatch() makes parts of 250 symbols, and no event of none', () => {
  const many = Array.from({ length: 501 }, (_, i) => ({
    symbol: `S${i}`,
    version: 1,
    candleVersion: 1,
    repeated: 0,
    restarted: false,
    close: 1,
    values: {},
  }));
  const parts = formatIndicatorBatch(batch(many)).map(
    (event) => parseIndicatorBatch(event.data).indicators.length,
  );
  expect(parts).toEqual([250, 250, 1]);
  expect(formatIndicatorBatch(batch([]))).toEqual([]);
});

test.each([
  ['symbol', { symbol: 'no symbol\n' }],
  ['version', { version: 0 }],
  ['values', { values: { 'bad name': 1 } }],
])('parseIndicatorBatch() refuses, when %s is malformed', (_, change) => {
  const [event] = formatIndicatorBatch(
    batch([
      { symbol: 'A', version: 1, candleVersion: 1, repeated: 0, restarted: false, close: 1, values: {} },
    ]),
  );
  const data = JSON.parse(JSON.stringify(event?.data)) as { indicators: object[] };
  const wrong = { ...data, indicators: data.indicators.map((row) => ({ ...row, ...change })) };
  expect(() => parseIndicatorBatch(wrong)).toThrow(z.ZodError);
});
