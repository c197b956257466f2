/**
 * What the price of a record counts for in a candle, best first: 0 for everything; 1 for high and low, as a
 * trade that is reported out of its order; 2 for nothing, as a trade whose price is not the market's; 3 is the
 * price of an update without a trade, which has no volume either.
 *
 * A candle has the prices of the best that it has: open and close are those of its best rank, high and low of
 * ranks 0 and 1, else of 2, and looks (3) are in it only if no trade is. A trade's volume counts whatever its
 * rank.
 */
export type PriceRank = 0 | 1 | 2 | 3;

/** The rank of a price update: a look at the market, and no trade. */
export const LOOK = 3 as const;

/** Which prices are compared with each other for high and low: those of ranks 0 and 1 are. */
export function rangeOf(rank: PriceRank): 1 | 2 | 3 {
  return rank === 0 ? 1 : rank;
}

/** In a few words, what a trade counted for in a candle whose best rank is `best`. */
export function countedFor(rank: PriceRank, best: PriceRank): string {
  if (rank === LOOK)
    return best === LOOK ? 'prices: no trade is in the candle' : 'nothing: trades are in the candle';
  if (rank === best) return rank === 0 ? 'all' : 'all: the candle has none that counts for more';
  return rangeOf(rank) === rangeOf(best) ? 'high, low, volume' : 'volume';
}
