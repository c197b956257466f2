import * as fc from 'fast-check';
import { type E8, e8 } from '@kandle/market/number/fixed-point';
import type { Trade, TradeKey } from '@kandle/market/trade/trade';

/** Start of the first of the windows that generated trades fall into. */
export const FIRST_WINDOW_MS = 1_764_000_000_000;

/** Symbols as feeds spell them; few, so that trades meet. */
export const symbols: fc.Arbitrary<string> = fc.constantFrom('AAPL', 'BINANCE:BTCUSDT', 'IC MARKETS:1');

/** Event times of three windows; few, so that trades tie, and at the windows' edges. */
export const eventTimes: fc.Arbitrary<number> = fc
  .constantFrom(0, 1, 2, 4_999, 5_000, 5_001, 9_999, 10_000)
  .map((offsetMs) => FIRST_WINDOW_MS + offsetMs);

/**
 * Prices or sizes in 1e-8 units: mostly few small ones, so that twins happen, and some beyond a safe integer.
 */
export const amountsE8: fc.Arbitrary<E8> = fc
  .oneof(
    { weight: 3, arbitrary: fc.bigInt({ min: 1n, max: 3n }) },
    { weight: 1, arbitrary: fc.bigInt({ min: 1n, max: 10n ** 23n }) },
  )
  .map(e8);

/** Prices: of a future they may be 0 or below. */
export const pricesE8: fc.Arbitrary<E8> = fc
  .tuple(amountsE8, fc.constantFrom(1n, 1n, 1n, 0n, -1n))
  .map(([amount, sign]) => e8(amount * sign));

const plainTrades: fc.Arbitrary<Trade> = fc.record({
  id: fc.constantFrom('a', 'b', 'mgyk2lz4.0vl3gzx14qwe0f.1'),
  symbol: symbols,
  eventTimeMs: eventTimes,
  priceE8: pricesE8,
  sizeE8: amountsE8,
});

/** A trade or a price update; its id is nothing but text, and not unique. Conditions and ranks are few. */
export const trades: fc.Arbitrary<Trade> = fc
  .tuple(plainTrades, fc.constantFrom(0, 0, 0, 1, 2, 3), fc.constantFrom('', '1,12'))
  .map(([trade, rank, conditions]) => ({
    ...trade,
    ...(rank === 3 ? { sizeE8: e8(0n) } : {}),
    ...(rank === 0 ? {} : { rank }),
    ...(conditions === '' ? {} : { conditions }),
  }));

/** A trade with its place in the order of arrival. */
export interface KeyedTrade {
  readonly trade: Trade;
  readonly key: TradeKey;
}

/** The trades of one batch and where the batch stands. */
export interface TestBatch {
  readonly epoch: number;
  readonly sequence: number;
  readonly trades: readonly Trade[];
}

/** Batches of one shard, no two with the same epoch and sequence, in any order; some are empty. */
export const batches: fc.Arbitrary<readonly TestBatch[]> = fc.uniqueArray(
  fc.record({
    epoch: fc.integer({ min: 1, max: 2 }),
    sequence: fc.integer({ min: 1, max: 8 }),
    trades: fc.array(trades, { maxLength: 6 }),
  }),
  { maxLength: 8, selector: ({ epoch, sequence }) => `${epoch}:${sequence}` },
);

/** The trades of batches with their keys, in the order of the batches. */
export function keyedTrades(from: readonly TestBatch[]): readonly KeyedTrade[] {
  return from.flatMap(({ epoch, sequence, trades }) =>
    trades.map((trade, index) => ({
      trade,
      key: {
        eventTimeMs: trade.eventTimeMs,
        epoch,
        sequence,
        index,
        ...(trade.rank === undefined ? {} : { rank: trade.rank }),
      },
    })),
  );
}
