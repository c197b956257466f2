import { addE16, addE8, type E16, type E8, notionalOf } from '../number/fixed-point.ts';
import { nearestQuotient } from '../number/quotient.ts';
import { fnv1a64, hashToBigInt } from '../number/hash.ts';
import { LOOK, rangeOf } from '../trade/price-rank.ts';
import { compareClosing, compareOpening, rankOf, type Trade, type TradeKey } from '../trade/trade.ts';

/**
 * The open, high, low, close and sums of one symbol's trades in one window.
 *
 * Only what merges is kept; VWAP and mean are derived on reading. Prices, volume and price sum are integers
 * in 1e-8 units, the notional (price × size) in 1e-16; `idHashSum` is the sum of the trade ids' FNV-1a hashes
 * modulo 2^64, so that an audit can compare sets of trades.
 *
 * The prices are those of the best rank among the trades (`price-rank.ts`), which the two keys name.
 */
export interface Candle {
  readonly symbol: string;
  readonly windowStartMs: number;
  readonly firstKey: TradeKey;
  readonly lastKey: TradeKey;
  readonly openE8: E8;
  readonly highE8: E8;
  readonly lowE8: E8;
  readonly closeE8: E8;
  readonly volumeE8: E8;
  readonly notionalE16: E16;
  readonly priceSumE8: E8;
  readonly tradeCount: number;
  readonly idHashSum: bigint;
}

/** The candle of a single trade. */
export function candleOf(trade: Trade, key: TradeKey, windowStartMs: number): Candle {
  return {
    symbol: trade.symbol,
    windowStartMs,
    firstKey: key,
    lastKey: key,
    openE8: trade.priceE8,
    highE8: trade.priceE8,
    lowE8: trade.priceE8,
    closeE8: trade.priceE8,
    volumeE8: trade.sizeE8,
    notionalE16: notionalOf(trade.priceE8, trade.sizeE8),
    priceSumE8: trade.priceE8,
    tradeCount: 1,
    idHashSum: hashToBigInt(fnv1a64(trade.id)),
  };
}

/**
 * Merges two candles of the same symbol and window.
 *
 * Commutative and associative, so batches may be folded in any order. Not idempotent: the caller leaves out
 * batches it has already counted.
 *
 * @throws {RangeError} If the symbol or the window differ.
 */
export function mergeCandles(left: Candle, right: Candle): Candle {
  if (left.symbol !== right.symbol || left.windowStartMs !== right.windowStartMs) {
    throw new RangeError(
      `Cannot merge candles: ${left.symbol} at ${left.windowStartMs} is not ${right.symbol} at ${right.windowStartMs}`,
    );
  }
  const [leftRank, rightRank] = [rankOf(left.firstKey), rankOf(right.firstKey)];
  if (leftRank !== rightRank && (leftRank === LOOK || rightRank === LOOK))
    return leftRank === LOOK ? right : left;
  const opening = compareOpening(left.firstKey, right.firstKey) < 0 ? left : right;
  const closing = compareClosing(left.lastKey, right.lastKey) < 0 ? right : left;
  // Only prices of the better range count, if they differ.
  const isLeftIn = rangeOf(leftRank) <= rangeOf(rightRank);
  const isRightIn = rangeOf(rightRank) <= rangeOf(leftRank);
  return {
    symbol: left.symbol,
    windowStartMs: left.windowStartMs,
    firstKey: opening.firstKey,
    lastKey: closing.lastKey,
    openE8: opening.openE8,
    highE8: !isRightIn || (isLeftIn && left.highE8 > right.highE8) ? left.highE8 : right.highE8,
    lowE8: !isRightIn || (isLeftIn && left.lowE8 < right.lowE8) ? left.lowE8 : right.lowE8,
    closeE8: closing.closeE8,
    volumeE8: addE8(left.volumeE8, right.volumeE8),
    notionalE16: addE16(left.notionalE16, right.notionalE16),
    priceSumE8: addE8(left.priceSumE8, right.priceSumE8),
    tradeCount: left.tradeCount + right.tradeCount,
    idHashSum: BigInt.asUintN(64, left.idHashSum + right.idHashSum),
  };
}

const ONE_E8 = 10n ** 8n;
const ONE_E16 = 10n ** 16n;

/**
 * Volume-weighted average price: the double nearest to the exact quotient, and so within the doubles of low and
 * high.
 *
 * @throws {RangeError} If the volume is 0.
 */
export function vwapOf(candle: Pick<Candle, 'notionalE16' | 'volumeE8'>): number {
  return nearestQuotient(candle.notionalE16, candle.volumeE8 * ONE_E8);
}

/**
 * Unweighted mean price: the double nearest to the exact quotient, and so within the doubles of low and high.
 */
export function meanPriceOf(candle: Pick<Candle, 'priceSumE8' | 'tradeCount'>): number {
  return nearestQuotient(candle.priceSumE8, BigInt(candle.tradeCount) * ONE_E8);
}

/** The sum of price times size: the double nearest to it. */
export function notionalAsDouble({ notionalE16 }: Pick<Candle, 'notionalE16'>): number {
  return nearestQuotient(notionalE16, ONE_E16);
}
