import { LOOK, type PriceRank, rangeOf } from '../trade/price-rank.ts';
import { addE16, addE8, type E16, type E8, e16, e8 } from '../number/fixed-point.ts';

/**
 * A length that candles are rolled up to, and that of its parts. Every period is a whole number of its parts.
 */
export interface RollupLevel {
  readonly name: '1m' | '5m' | '1h' | '1d';
  readonly periodMs: number;
  readonly partMs: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** The levels, each made of the candles of the one before; the first of the 5-second ones. */
export const ROLLUP_LEVELS: readonly RollupLevel[] = [
  { name: '1m', periodMs: MINUTE_MS, partMs: 5 * SECOND_MS },
  { name: '5m', periodMs: 5 * MINUTE_MS, partMs: MINUTE_MS },
  { name: '1h', periodMs: HOUR_MS, partMs: 5 * MINUTE_MS },
  { name: '1d', periodMs: 24 * HOUR_MS, partMs: HOUR_MS },
];

/**
 * A candle of any length as the views hold it: prices in doubles, sums as exact integers. `parts` is the number
 * of 5-second candles in it.
 *
 * `version` rises with every change. A rolled-up candle has the sum of its parts' versions: over all that its
 * parts may be, that sum grows with each change of any, so the candle made of the newest parts has the largest.
 */
export interface ViewCandle {
  readonly startMs: number;
  readonly version: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volumeE8: E8;
  readonly notionalE16: E16;
  readonly priceSumE8: E8;
  readonly tradeCount: number;
  readonly revision: number;
  readonly reason: string;
  readonly complete: boolean;
  /** Made of looks at a market, not of trades: it has no average price. */
  readonly sampled: boolean;
  /** The best of its trades: of what rank its prices are. */
  readonly rank: PriceRank;
  readonly parts: number;
}

/** Start of the period that holds a time. Days are UTC days. */
export function periodStartOf(timeMs: number, { periodMs }: Pick<RollupLevel, 'periodMs'>): number {
  return Math.floor(timeMs / periodMs) * periodMs;
}

/**
 * The candle of a period, made of the final candles in it; null when there are none.
 *
 * A pure function of the set of parts, whatever their order. `reason` is that of the last part that has one. Of
 * several ranks each part has its share as if the candle were made of the trades themselves.
 */
export function rollUp(startMs: number, parts: readonly ViewCandle[]): ViewCandle | null {
  const sorted = parts.toSorted((a, b) => a.startMs - b.startMs);
  const rank = sorted.reduce<PriceRank>((best, part) => (part.rank < best ? part.rank : best), LOOK);
  // Looks count only where there is no trade.
  const counted = rank === LOOK ? sorted : sorted.filter((part) => part.rank !== LOOK);
  const ranged = counted.filter((part) => rangeOf(part.rank) === rangeOf(rank));
  const priced = counted.filter((part) => part.rank === rank);
  const first = priced.at(0);
  const last = priced.at(-1);
  if (first === undefined || last === undefined) return null;
  const sum = (numberOf: (part: ViewCandle) => number, of = sorted): number =>
    of.reduce((total, part) => total + numberOf(part), 0);
  return {
    startMs,
    version: sum((part) => part.version),
    open: first.open,
    high: ranged.reduce((high, part) => Math.max(high, part.high), first.high),
    low: ranged.reduce((low, part) => Math.min(low, part.low), first.low),
    close: last.close,
    volumeE8: counted.reduce((total, part) => addE8(total, part.volumeE8), e8(0n)),
    notionalE16: counted.reduce((total, part) => addE16(total, part.notionalE16), e16(0n)),
    priceSumE8: counted.reduce((total, part) => addE8(total, part.priceSumE8), e8(0n)),
    tradeCount: sum((part) => part.tradeCount, counted),
    revision: sum((part) => part.revision),
    reason: sorted.findLast((part) => part.reason !== '')?.reason ?? '',
    complete: sorted.every((part) => part.complete),
    sampled: counted.some((part) => part.sampled),
    rank,
    parts: sum((part) => part.parts),
  };
}
