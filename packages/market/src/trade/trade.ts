import type { E8 } from '../number/fixed-point.ts';

/**
 * One execution as the pipeline counts it.
 *
 * `priceE8` and `sizeE8` are integers in 1e-8 units; a price may be below 0, a size is above it; `eventTimeMs`
 * is when the venue says it happened; `id` is unique within a feed.
 */
export interface Trade {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly priceE8: E8;
  readonly sizeE8: E8;
}

/**
 * Where a trade stands in arrival order, most significant first: event time, then epoch, sequence and index
 * in its batch. No two trades have the same key, so ties within a millisecond go by arrival.
 */
export interface TradeKey {
  readonly eventTimeMs: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly index: number;
}

/** Negative if `a` comes before `b`, positive if after, 0 only for the same trade. */
export function compareTradeKeys(a: TradeKey, b: TradeKey): number {
  return a.eventTimeMs - b.eventTimeMs || a.epoch - b.epoch || a.sequence - b.sequence || a.index - b.index;
}

/** The key as text, `1723161255342:1764000000000:17:3`; {@link parseTradeKey} is the inverse. */
export function formatTradeKey(key: TradeKey): string {
  return `${key.eventTimeMs}:${key.epoch}:${key.sequence}:${key.index}`;
}

const TRADE_KEY = /^(\d{1,15}):(\d{1,15}):(\d{1,15}):(\d{1,15})$/;

/** @throws {RangeError} If the text is not four whole numbers joined by colons. */
export function parseTradeKey(text: string): TradeKey {
  const [, eventTimeMs, epoch, sequence, index] = TRADE_KEY.exec(text) ?? [];
  if (eventTimeMs === undefined) {
    throw new RangeError(`Cannot read a trade key: '${text.slice(0, 80)}' is not four whole numbers`);
  }
  return {
    eventTimeMs: Number(eventTimeMs),
    epoch: Number(epoch),
    sequence: Number(sequence),
    index: Number(index),
  };
}
