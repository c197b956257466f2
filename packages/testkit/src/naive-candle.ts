import type { Candle } from '@kandle/market/candle/candle';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import type { KeyedTrade } from './trades.ts';

/**
 * The candle of all trades of one symbol and window, read off the sorted list: the model that merging and
 * folding must agree with. It shares no code with them.
 *
 * @param keyed At least one trade; in any order.
 * @throws {RangeError} If there is none.
 */
export function naiveCandle(keyed: readonly KeyedTrade[], windowMs = 5_000): Candle {
  const rankOf = ({ key: { rank = 0 } }: KeyedTrade): number => rank;
  const trades = keyed.filter((one) => rankOf(one) < 3);
  // Updates of a price count only where there is no trade.
  const arrived = (trades.length > 0 ? trades : keyed).toSorted(byArrival);
  const best = Math.min(...arrived.map(rankOf));
  const priced = arrived.filter((one) => rankOf(one) === best);
  const ranged = best > 1 ? priced : arrived.filter((one) => rankOf(one) <= 1);
  const first = priced.at(0);
  const last = priced.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('Cannot make a candle of no trades');
  const prices = ranged.map(({ trade }) => trade.priceE8).toSorted(ascending);
  return {
    symbol: first.trade.symbol,
    windowStartMs: first.trade.eventTimeMs - (first.trade.eventTimeMs % windowMs),
    firstKey: first.key,
    lastKey: last.key,
    openE8: first.trade.priceE8,
    highE8: e8(prices.at(-1) ?? 0n),
    lowE8: e8(prices.at(0) ?? 0n),
    closeE8: last.trade.priceE8,
    volumeE8: e8(sum(arrived.map(({ trade }) => trade.sizeE8))),
    notionalE16: e16(sum(arrived.map(({ trade }) => trade.priceE8 * trade.sizeE8))),
    priceSumE8: e8(sum(arrived.map(({ trade }) => trade.priceE8))),
    tradeCount: arrived.length,
    idHashSum: sum(arrived.map(({ trade }) => naiveFnv1a64(trade.id))) % 2n ** 64n,
  };
}

/** FNV-1a, 64 bits, over UTF-16 code units, word for word as its specification says it. */
export function naiveFnv1a64(text: string): bigint {
  return Array.from({ length: text.length }, (_, index) => BigInt(text.charCodeAt(index))).reduce(
    (hash, unit) => ((hash ^ unit) * 0x100000001b3n) % 2n ** 64n,
    0xcbf29ce484222325n,
  );
}

function byArrival({ key: a }: KeyedTrade, { key: b }: KeyedTrade): number {
  if (a.eventTimeMs !== b.eventTimeMs) return a.eventTimeMs < b.eventTimeMs ? -1 : 1;
  if (a.epoch !== b.epoch) return a.epoch < b.epoch ? -1 : 1;
  if (a.sequence !== b.sequence) return a.sequence < b.sequence ? -1 : 1;
  return a.index < b.index ? -1 : 1;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sum(values: readonly bigint[]): bigint {
  return values.reduce((total, value) => total + value, 0n);
}
