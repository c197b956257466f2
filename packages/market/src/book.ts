import { fromJsonInteger, toE8, toJsonInteger } from './fixed-point.ts';
import { isEventTime } from './finnhub.ts';
import { fnv1a64, hashToText } from './hash.ts';
import type { RejectReason } from './rejects.ts';
import { isSymbol } from './symbol.ts';

/** A price level of an order book: price and size, integers in 1e-8 units, both above 0. */
export interface BookLevel {
  readonly priceE8: bigint;
  readonly sizeE8: bigint;
}

/**
 * The best levels of a symbol's order book at a moment: bids from the highest price down, asks from the lowest up,
 * each at least one and the best bid below the best ask. `id` is made of the content, so a repeat has the same.
 */
export interface Book {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly bids: readonly BookLevel[];
  readonly asks: readonly BookLevel[];
}

/** What a record of another kind than a trade turned out to be. */
export type JudgedKind<T> =
  | { readonly kind: 'items'; readonly items: readonly T[] }
  | { readonly kind: 'reject'; readonly reason: RejectReason; readonly detail: string };

/** Most levels on each side that are kept; deeper ones are cut off. */
export const MAX_BOOK_LEVELS = 10;
const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/**
 * Judges one record of a `book` frame: `s` symbol, `t` UNIX milliseconds, `b` and `a` lists of `[price, size]`, best
 * first. This kind of frame is our own; Finnhub sends none.
 */
export function judgeBookRecord(record: Readonly<Record<string, unknown>>): JudgedKind<Book> {
  const { s: symbol, t: eventTimeMs, b, a } = record;
  if (!isSymbol(symbol)) return reject('bad_symbol', 's is not a symbol');
  if (!isEventTime(eventTimeMs)) return reject('bad_time', 't is not in milliseconds between 2000 and 2100');
  const [bids, asks] = [readLevels(b), readLevels(a)];
  if (bids === null || asks === null) return reject('bad_book', 'b or a is no list of [price, size] above 0');
  const [bid, ask] = [bids[0], asks[0]];
  if (bid === undefined || ask === undefined) return reject('bad_book', 'b or a is empty');
  if (bid.priceE8 >= ask.priceE8) return reject('bad_book', 'the best bid is not below the best ask');
  if (!isSorted(bids.toReversed()) || !isSorted(asks)) return reject('bad_book', 'levels are not best first');
  const id = hashToText(fnv1a64(JSON.stringify([symbol, eventTimeMs, bids.map(toPair), asks.map(toPair)])));
  return { kind: 'items', items: [{ id, symbol, eventTimeMs, bids, asks }] };
}

function readLevels(value: unknown): readonly BookLevel[] | null {
  if (!Array.isArray(value)) return null;
  const levels = value.slice(0, MAX_BOOK_LEVELS).map(readLevel);
  return levels.every((level) => level !== null) ? levels : null;
}

function readLevel(level: unknown): BookLevel | null {
  if (!Array.isArray(level) || level.length !== 2) return null;
  const [price, size]: readonly unknown[] = level;
  if (typeof price !== 'number' || typeof size !== 'number') return null;
  if (!(price > 0) || price > MAX_PRICE || !(size > 0) || size > MAX_SIZE) return null;
  const [priceE8, sizeE8] = [toE8(price), toE8(size)];
  return priceE8 > 0n && sizeE8 > 0n ? { priceE8, sizeE8 } : null;
}

/** True if prices rise from one level to the next. */
export function isSorted(levels: readonly BookLevel[]): boolean {
  return levels.every((level, index) => index === 0 || (levels[index - 1]?.priceE8 ?? 0n) < level.priceE8);
}

/** A level as JSON carries it; {@link fromPair} is the inverse. */
export function toPair({ priceE8, sizeE8 }: BookLevel): readonly [number | string, number | string] {
  return [toJsonInteger(priceE8), toJsonInteger(sizeE8)];
}

/** @throws {RangeError} If the pair is not two integers above 0. */
export function fromPair([price, size]: readonly [number | string, number | string]): BookLevel {
  const level = { priceE8: fromJsonInteger(price), sizeE8: fromJsonInteger(size) };
  if (level.priceE8 <= 0n || level.sizeE8 <= 0n) throw new RangeError('a price or size is 0 or less');
  return level;
}

function reject(reason: RejectReason, detail: string): JudgedKind<never> {
  return { kind: 'reject', reason, detail };
}
