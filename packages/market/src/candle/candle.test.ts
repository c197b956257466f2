import { e16, e8, e8ToDouble, notionalOf, toE8 } from '../number/fixed-point.ts';
import { naiveCandle } from '@kandle/testkit/naive-candle';
import {
  amountsE8,
  pricesE8,
  batches,
  FIRST_WINDOW_MS,
  type KeyedTrade,
  keyedTrades,
  trades,
} from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candle, candleOf, meanPriceOf, mergeCandles, notionalAsDouble, vwapOf } from './candle.ts';

/** Trades of one symbol and window with unique keys, in any order; ties and twins are common. */
const keyed: fc.Arbitrary<readonly KeyedTrade[]> = batches
  .map((some) =>
    keyedTrades(some)
      .filter(({ trade }) => trade.eventTimeMs < FIRST_WINDOW_MS + 5_000)
      .map(({ trade, key }) => ({ key, trade: { ...trade, symbol: 'AAPL' } })),
  )
  .filter((some) => some.length > 0);

function toCandle({ trade, key }: KeyedTrade): Candle {
  return candleOf(trade, key, FIRST_WINDOW_MS);
}

function fold(some: readonly Candle[]): Candle {
  return some.reduce(mergeCandles);
}

test('mergeCandles() agrees with the naive reading of the sorted trades, when trades tie', () => {
  fc.assert(
    fc.property(keyed, (some) => {
      expect(fold(some.map(toCandle))).toEqual(naiveCandle(some));
    }),
    { numRuns: 300 },
  );
});

test('mergeCandles() is commutative and associative, when trades are folded in another order and grouping', () => {
  const reordered = keyed.chain((some) =>
    fc.tuple(
      fc.constant(some),
      fc.shuffledSubarray([...some], { minLength: some.length }),
      fc.integer({ min: 1, max: some.length }),
    ),
  );
  fc.assert(
    fc.property(reordered, ([some, other, cut]) => {
      const left = other.slice(0, cut).map(toCandle);
      const right = other.slice(cut).map(toCandle);
      const grouped = right.length === 0 ? fold(left) : mergeCandles(fold(right), fold(left));
      expect(grouped).toEqual(fold(some.map(toCandle)));
    }),
  );
});

test('candleOf() is the naive candle of one trade, when the trade is any', () => {
  fc.assert(
    fc.property(trades, (trade) => {
      const key = { eventTimeMs: trade.eventTimeMs, epoch: 1, sequence: 2, index: 3 };
      const candle = candleOf(trade, key, naiveCandle([{ trade, key }]).windowStartMs);
      expect(candle).toEqual(naiveCandle([{ trade, key }]));
    }),
  );
});

const AAPL = candleOf(
  { id: '1', symbol: 'AAPL', eventTimeMs: 5_000, priceE8: e8(1n), sizeE8: e8(1n) },
  { eventTimeMs: 5_000, epoch: 1, sequence: 1, index: 0 },
  5_000,
);

test('mergeCandles() refuses, when the symbols differ', () => {
  expect(() => mergeCandles(AAPL, { ...AAPL, symbol: 'MSFT' })).toThrow(
    'Cannot merge candles: AAPL at 5000 is not MSFT at 5000',
  );
});

test('mergeCandles() refuses, when the windows differ', () => {
  expect(() => mergeCandles(AAPL, { ...AAPL, windowStartMs: 10_000 })).toThrow(RangeError);
});

test('vwapOf() and meanPriceOf() lie within low and high, and are the price where all trades have one', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pricesE8, amountsE8), { minLength: 1, maxLength: 5 }), (parts) => {
      const prices = parts.map(([priceE8]) => priceE8).toSorted((a, b) => (a < b ? -1 : 1));
      const [low, high] = [e8ToDouble(prices.at(0) ?? e8(0n)), e8ToDouble(prices.at(-1) ?? e8(0n))];
      const volumeE8 = e8(parts.reduce((total, [, sizeE8]) => total + sizeE8, 0n));
      const notionalE16 = e16(parts.reduce((total, [priceE8, sizeE8]) => total + priceE8 * sizeE8, 0n));
      const priceSumE8 = e8(prices.reduce((total, priceE8) => total + priceE8, 0n));
      const vwap = vwapOf({ notionalE16, volumeE8 });
      const mean = meanPriceOf({ priceSumE8, tradeCount: parts.length });
      for (const price of [vwap, mean]) {
        expect(price).toBeGreaterThanOrEqual(low);
        expect(price).toBeLessThanOrEqual(high);
      }
    }),
    { numRuns: 1_000 },
  );
});

// Recording g01: one trade per window, whose VWAP was off in the last bit in 6 of 8.
test.each([
  [87_179.02, 0.001_378_67],
  [80_850.29, 64.309_624_97],
  [43_359.11, 11_242.654_696_04],
  [586.1856, 3_864.250_332_73],
  [40.523_35, 36_146.338_296_8],
  [120.5187, 18_553.713_039_27],
])('vwapOf() is the price %d, when one trade of %d has made the candle', (price, size) => {
  const [priceE8, sizeE8] = [toE8(price), toE8(size)];
  expect(vwapOf({ notionalE16: notionalOf(priceE8, sizeE8), volumeE8: sizeE8 })).toBe(price);
  expect(meanPriceOf({ priceSumE8: priceE8, tradeCount: 1 })).toBe(price);
});

test('notionalAsDouble() is the nearest double', () => {
  expect(notionalAsDouble({ notionalE16: e16(10n ** 15n * 3n) })).toBe(0.3);
});

test('vwapOf() and meanPriceOf() are in units of the price, when the candle is simple', () => {
  expect(vwapOf({ notionalE16: e16(6_183_763_000_000n * 3n), volumeE8: e8(3n) })).toBe(61_837.63);
  expect(meanPriceOf({ priceSumE8: e8(300_000_000n), tradeCount: 2 })).toBe(1.5);
});
