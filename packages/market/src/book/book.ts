import type { BatchHeader } from '../event/batch-header.ts';
import { type E8, toJsonInteger } from '../number/fixed-point.ts';

/** A price level of an order book: price and size, integers in 1e-8 units, both above 0. */
export interface BookLevel {
  readonly priceE8: E8;
  readonly sizeE8: E8;
}

/**
 * The best levels of a symbol's order book at a moment: bids from the highest price down, asks from the lowest
 * up, each at least one and the best bid below the best ask. `id` is made of the content, so a repeat has the
 * same.
 */
export interface Book {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
}

/** A batch of one shard's books; its sequence counts within shard, epoch and kind. */
export interface BookBatch extends BatchHeader {
  readonly books: readonly Book[];
}

/** Most levels on each side that are kept; deeper ones are cut off. */
export const MAX_BOOK_LEVELS = 10;

/** True if prices rise from one level to the next. */
export function isSorted(levels: readonly BookLevel[]): boolean {
  return levels.every((level, index) => index === 0 || (levels[index - 1]?.priceE8 ?? 0n) < level.priceE8);
}

/** A level as JSON carries it. */
export function toPair({ priceE8, sizeE8 }: BookLevel): readonly [number | string, number | string] {
  return [toJsonInteger(priceE8), toJsonInteger(sizeE8)];
}
