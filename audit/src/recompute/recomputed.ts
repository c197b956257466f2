import type { Columns } from '../values/columns.ts';
import { doubleOf } from '../values/decimal.ts';
import type { PlacedTrade } from './expected-window.ts';

/** A window as the raw log says it should be, for whoever compares something else with it. */
export interface RecomputedWindow {
  readonly shard: string;
  readonly windowStartMs: number;
  /** Every trade that counts, once for each batch that brought it, in the order of the log. */
  readonly trades: readonly RecomputedTrade[];
  /** What its rows of `candles_5s` should be, by symbol; none while it is open. */
  readonly candles: ReadonlyMap<string, Columns>;
}

/** A trade that counts, with its place in the log. */
export interface RecomputedTrade
  extends Pick<PlacedTrade, 'id' | 'symbol' | 'eventTimeMs' | 'epoch' | 'sequence' | 'index'> {
  readonly price: number;
  readonly size: number;
  readonly rank: number;
  readonly conditions: string;
  /** A look at a market, or a price update: it is no trade. */
  readonly isLook: boolean;
}

/** A trade of the log in the numbers that tables have. */
export function recomputedTrade(trade: PlacedTrade): RecomputedTrade {
  const { id, symbol, eventTimeMs, epoch, sequence, index, rank = 0, conditions = '' } = trade;
  return {
    id,
    symbol,
    eventTimeMs,
    epoch,
    sequence,
    index,
    price: doubleOf(trade.priceE8),
    size: doubleOf(trade.sizeE8),
    rank,
    conditions,
    isLook: trade.isSampled === true || rank === 3,
  };
}
