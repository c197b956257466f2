import { e16, e8, fromJsonInteger, type JsonInteger } from '../number/fixed-point.ts';
import {
  addProductTo,
  addTo,
  emptyProductSum,
  emptySum,
  type ExactSum,
  type ProductSum,
  productsOf,
  totalOf,
} from '../number/exact-sum.ts';
import { fnv1a64 } from '../number/hash.ts';
import { columnsOf } from '../trade/trade-batch.ts';
import type { TradeColumns } from '../trade/trade-columns.ts';
import type { Trade, TradeKey } from '../trade/trade.ts';
import { windowStartOf } from '../window/window.ts';
import { type Candle, mergeCandles } from './candle.ts';

/** The candles of one batch's trades: window start → symbol → candle. */
export type FoldedTrades = ReadonlyMap<number, ReadonlyMap<string, Candle>>;

/** Where a batch stands within its shard. */
type Place = Pick<TradeKey, 'epoch' | 'sequence'>;

/**
 * What is known of a candle's trades so far, by their places in the columns: nothing is made for each trade.
 */
interface Folding {
  first: number;
  last: number;
  high: number;
  low: number;
  count: number;
  readonly volume: ExactSum;
  readonly prices: ExactSum;
  readonly notional: ProductSum;
  /** Halves of the sum of the ids' hashes: of 10,000 at most, so that both stay exact. */
  hashHigh: number;
  hashLow: number;
}

/**
 * Folds the trades of one batch into a candle per window and symbol.
 *
 * @param columns In the order of the batch; the index decides ties within a millisecond.
 * @param place The batch's epoch and sequence.
 */
export function foldColumns(columns: TradeColumns, place: Place, windowMs?: number): FoldedTrades {
  const { symbols, symbol, eventTimeMs, rank } = columns;
  const count = symbols.length;
  const windows = new Map<number, (Folding | undefined)[]>();
  let startMs = Number.NaN;
  let bySymbol: (Folding | undefined)[] = [];
  for (let index = 0; index < symbol.length; index++) {
    const windowStartMs = windowStartOf(eventTimeMs[index] ?? 0, windowMs);
    if (windowStartMs !== startMs) {
      startMs = windowStartMs;
      bySymbol = windows.get(startMs) ?? [];
      windows.set(startMs, bySymbol);
    }
    // Trades of each rank by themselves: the merge of candles knows what each counts for.
    const at = (symbol[index] ?? 0) + (rank === undefined ? 0 : count * (rank[index] ?? 0));
    addTrade((bySymbol[at] ??= beginWith(index)), columns, index);
  }
  const folded = new Map<number, Map<string, Candle>>();
  for (const [windowStartMs, foldings] of windows) {
    const candles = new Map<string, Candle>();
    for (const [at, folding] of foldings.entries()) {
      const name = symbols[at % count];
      if (folding === undefined || name === undefined) continue;
      const candle = candleOf(folding, columns, {
        ...place,
        symbol: name,
        windowStartMs,
        rank: rank?.[folding.first],
      });
      // A symbol may have trades of several ranks, and stand in `symbols` twice, though transform writes it
      // once.
      const known = candles.get(name);
      candles.set(name, known === undefined ? candle : mergeCandles(known, candle));
    }
    folded.set(windowStartMs, candles);
  }
  return folded;
}

/** The same of trades as rows. */
export function foldTrades(trades: readonly Trade[], place: Place, windowMs?: number): FoldedTrades {
  return foldColumns(columnsOf(trades), place, windowMs);
}

function beginWith(index: number): Folding {
  return {
    first: index,
    last: index,
    high: index,
    low: index,
    count: 0,
    volume: emptySum(),
    prices: emptySum(),
    notional: emptyProductSum(),
    hashHigh: 0,
    hashLow: 0,
  };
}

function addTrade(folding: Folding, { eventTimeMs, priceE8, sizeE8, id }: TradeColumns, index: number): void {
  const timeMs = eventTimeMs[index] ?? 0;
  // Later in the batch is later within a millisecond.
  if (timeMs < (eventTimeMs[folding.first] ?? 0)) folding.first = index;
  if (timeMs >= (eventTimeMs[folding.last] ?? 0)) folding.last = index;
  const price = priceE8[index] ?? 0;
  const size = sizeE8[index] ?? 0;
  if (isLess(priceE8[folding.high] ?? 0, price)) folding.high = index;
  if (isLess(price, priceE8[folding.low] ?? 0)) folding.low = index;
  addTo(folding.volume, size);
  addTo(folding.prices, price);
  addProductTo(folding.notional, price, size);
  const hash = fnv1a64(id[index] ?? '');
  folding.hashHigh += hash.high;
  folding.hashLow += hash.low;
  folding.count += 1;
}

function isLess(left: JsonInteger, right: JsonInteger): boolean {
  return typeof left === 'number' && typeof right === 'number'
    ? left < right
    : fromJsonInteger(left) < fromJsonInteger(right);
}

function candleOf(
  folding: Folding,
  { eventTimeMs, priceE8 }: TradeColumns,
  {
    symbol,
    windowStartMs,
    epoch,
    sequence,
    rank = 0,
  }: Place & Pick<Candle, 'symbol' | 'windowStartMs'> & Pick<TradeKey, 'rank'>,
): Candle {
  const keyOf = (index: number): TradeKey => ({
    eventTimeMs: eventTimeMs[index] ?? 0,
    epoch,
    sequence,
    index,
    ...(rank === 0 ? {} : { rank }),
  });
  const priceOf = (index: number) => e8(fromJsonInteger(priceE8[index]));
  return {
    symbol,
    windowStartMs,
    firstKey: keyOf(folding.first),
    lastKey: keyOf(folding.last),
    openE8: priceOf(folding.first),
    highE8: priceOf(folding.high),
    lowE8: priceOf(folding.low),
    closeE8: priceOf(folding.last),
    volumeE8: e8(totalOf(folding.volume)),
    notionalE16: e16(productsOf(folding.notional)),
    priceSumE8: e8(totalOf(folding.prices)),
    tradeCount: folding.count,
    idHashSum: BigInt.asUintN(64, (BigInt(folding.hashHigh) << 32n) + BigInt(folding.hashLow)),
  };
}
