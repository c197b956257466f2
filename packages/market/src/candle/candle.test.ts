import { e16, e8 } from '../number/fixed-point.ts';
import { naiveCandle } from '@kandle/testkit/naive-candle';
import {
  amountsE8,
  batches,
  FIRST_WINDOW_MS,
  type KeyedTrade,
  keyedTrades,
  trades,
} from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candle, candleOf, meanPriceOf, mergeCandles, vwapOf } from './candle.ts';

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

test('vwapOf() and meanPriceOf() are within four roundings of the exact quotient, when numbers are any', () => {
  const UNITS = 4 * 2 ** -53;
  fc.assert(
    fc.property(fc.array(fc.tuple(amountsE8, amountsE8), { minLength: 1, maxLength: 5 }), (parts) => {
      const volumeE8 = e8(parts.reduce((total, [, sizeE8]) => total + sizeE8, 0n));
      const notionalE16 = e16(parts.reduce((total, [priceE8, sizeE8]) => total + priceE8 * sizeE8, 0n));
      const priceSumE8 = e8(parts.reduce((total, [priceE8]) => total + priceE8, 0n));
      const tradeCount = parts.length;
      expect(relativeError(vwapOf({ notionalE16, volumeE8 }), notionalE16, volumeE8)).toBeLessThan(UNITS);
      expect(
        relativeError(meanPriceOf({ priceSumE8, tradeCount }), priceSumE8, BigInt(tradeCount)),
      ).toBeLessThan(UNITS);
    }),
  );
});

/** How far, relatively, a double is from `dividend / divisor / 1e8`, by integers and 21 digits. */
function relativeError(value: number, dividend: bigint, divisor: bigint): number {
  const scale = 10n ** 60n;
  const exact = (dividend * scale) / divisor / 10n ** 8n;
  const [mantissa = '', exponent = '0'] = value.toExponential(20).split('e');
  const digits = BigInt(mantissa.replace('.', ''));
  const given = (digits * scale * 10n ** 60n) / 10n ** BigInt(80 - Number(exponent));
  return Math.abs(Number(given - exact)) / Number(exact);
}

test('vwapOf() and meanPriceOf() are in units of the price, when the candle is simple', () => {
  expect(vwapOf({ notionalE16: e16(6_183_763_000_000n * 3n), volumeE8: e8(3n) })).toBe(61_837.63);
  expect(meanPriceOf({ priceSumE8: e8(300_000_000n), tradeCount: 2 })).toBe(1.5);
});
