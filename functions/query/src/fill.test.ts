import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fillCandles } from './fill.ts';
import type { CandleRow } from './rows.ts';

const PERIOD = 5_000;

function candle(start: number, close: number): CandleRow {
  return {
    start,
    open: close,
    high: close,
    low: close,
    close,
    volume: 1,
    vwap: close,
    mean_price: close,
    trade_count: 1,
    state: 'final',
    version: 1,
    revision: 0,
    reason: '',
    complete: true,
    sampled: false,
    price_rank: 0,
  };
}

/** Candles in some of the twelve periods from 0 on. */
const someCandles = fc
  .uniqueArray(fc.integer({ min: 0, max: 11 }), { maxLength: 12 })
  .map((periods) => periods.toSorted((a, b) => a - b).map((n) => candle(n * PERIOD, 10 + n)));

test('fillCandles() has every period once and in order, and each candle as it was', () => {
  fc.assert(
    fc.property(someCandles, fc.option(fc.integer({ min: 1, max: 9 })), (candles, closeBefore) => {
      const range = { periodMs: PERIOD, fromMs: 0, toMs: 12 * PERIOD, closeBefore, limit: 100 };
      const withNulls = fillCandles(candles, { ...range, fill: 'null' });
      expect(withNulls.map(({ start }) => start)).toEqual(Array.from({ length: 12 }, (_, n) => n * PERIOD));
      expect(withNulls.filter(({ filled }) => filled !== true)).toEqual(candles);
      const previous = fillCandles(candles, { ...range, fill: 'previous' });
      expect(previous.filter(({ filled }) => filled !== true)).toEqual(candles);
      for (const { start, close, filled } of previous) {
        const known = candles.findLast((one) => one.start <= start)?.close ?? closeBefore;
        expect(close).toBe(known);
        expect(filled ?? false).toBe(!candles.some((one) => one.start === start));
      }
      expect(fillCandles(candles, { ...range, fill: 'none' })).toEqual(candles);
    }),
  );
});

test('fillCandles() ends at its limit', () => {
  const range = { periodMs: PERIOD, fromMs: 0, toMs: 1e12, closeBefore: 5, limit: 3 };
  expect(fillCandles([], { ...range, fill: 'previous' })).toHaveLength(3);
});
