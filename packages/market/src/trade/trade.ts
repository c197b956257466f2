import type { E8 } from '../number/fixed-point.ts';
import type { PriceRank } from './price-rank.ts';

/**
 * One execution as the pipeline counts it.
 *
 * `priceE8` and `sizeE8` are integers in 1e-8 units; a price may be below 0, a size is above it; `eventTimeMs`
 * is when the venue says it happened; `id` is unique within a feed. `rank` says what its price counts for, 0
 * if absent, and `conditions` are the vendor's codes that say so. Of a price update, which is no trade, `rank`
 * is 3 and the size 0.
 */
export interface Trade {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly priceE8: E8;
  readonly sizeE8: E8;
  readonly rank?: PriceRank | undefined;
  readonly conditions?: string | undefined;
}

/**
 * Where a trade stands in arrival order, most significant first: event time, then epoch, sequence and index
 * in its batch. No two trades have the same key, so ties within a millisecond go by arrival. `rank` is that of
 * the trade, 0 if absent.
 */
export interface TradeKey {
  readonly eventTimeMs: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly index: number;
  readonly rank?: PriceRank | undefined;
}

/** Negative if `a` comes before `b`, positive if after, 0 only for the same trade. */
export function compareTradeKeys(a: TradeKey, b: TradeKey): number {
  return a.eventTimeMs - b.eventTimeMs || a.epoch - b.epoch || a.sequence - b.sequence || a.index - b.index;
}

/** What the price of a key's trade counts for. */
export function rankOf({ rank = 0 }: TradeKey): PriceRank {
  return rank;
}

/** Negative if `a` makes the open before `b`: the better rank, then the earlier. */
export function compareOpening(a: TradeKey, b: TradeKey): number {
  return rankOf(a) - rankOf(b) || compareTradeKeys(a, b);
}

/** Negative if `b` makes the close before `a`: the better rank, then the later. */
export function compareClosing(a: TradeKey, b: TradeKey): number {
  return rankOf(b) - rankOf(a) || compareTradeKeys(a, b);
}

/**
 * The key as text, `1723161255342:1764000000000:17:3`, with a rank above 0 as a fifth number;
 * {@link parseTradeKey} is the inverse.
 */
export function formatTradeKey(key: TradeKey): string {
  const text = `${key.eventTimeMs}:${key.epoch}:${key.sequence}:${key.index}`;
  return key.rank === undefined || key.rank === 0 ? text : `${text}:${key.rank}`;
}

const TRADE_KEY = /^(\d{1,15}):(\d{1,15}):(\d{1,15}):(\d{1,15})(?::([123]))?$/;
const RANKS: Readonly<Record<string, PriceRank>> = { 1: 1, 2: 2, 3: 3 };

/** @throws {RangeError} If the text is not four whole numbers, or five with a rank, joined by colons. */
export function parseTradeKey(text: string): TradeKey {
  const [, eventTimeMs, epoch, sequence, index, rank] = TRADE_KEY.exec(text) ?? [];
  if (eventTimeMs === undefined) {
    throw new RangeError(`Cannot read a trade key: '${text.slice(0, 80)}' is not four whole numbers`);
  }
  return {
    eventTimeMs: Number(eventTimeMs),
    epoch: Number(epoch),
    sequence: Number(sequence),
    index: Number(index),
    ...(rank === undefined ? {} : { rank: RANKS[rank] }),
  };
}
