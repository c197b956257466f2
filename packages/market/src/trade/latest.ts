import type { TradeBatch } from './trade-batch.ts';
import type { Trade } from './trade.ts';

/**
 * A price that is not the market's, or an update without a trade, is the latest only where no better one came
 * within so long before it.
 */
const SECOND_BEST_MS = 5_000;

/** The time by which a trade is the latest of its symbol. */
export function latestMs({ eventTimeMs, rank = 0 }: Pick<Trade, 'eventTimeMs' | 'rank'>): number {
  return rank < 2 ? eventTimeMs : eventTimeMs - SECOND_BEST_MS;
}

/** A trade of a batch, and its place there. */
export interface PlacedTrade {
  readonly trade: Trade;
  readonly index: number;
}

/** The latest trade of each symbol of a batch: the last by {@link latestMs}, of equals the last to arrive. */
export function latestOfEach({ trades }: Pick<TradeBatch, 'trades'>): readonly PlacedTrade[] {
  const latest = new Map<string, PlacedTrade>();
  for (const [index, trade] of trades.entries()) {
    const before = latest.get(trade.symbol);
    if (before === undefined || latestMs(trade) >= latestMs(before.trade))
      latest.set(trade.symbol, { trade, index });
  }
  return [...latest.values()];
}
