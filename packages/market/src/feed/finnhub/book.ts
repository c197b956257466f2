import { type Book, type BookLevel, isSorted, MAX_BOOK_LEVELS, toPair } from '../../book/book.ts';
import { isEventTime } from '../../event/event-time.ts';
import type { RejectReason } from '../../event/rejects.ts';
import { isSymbol } from '../../event/symbol.ts';
import { toE8 } from '../../number/fixed-point.ts';
import { fnv1a64, hashToText } from '../../number/hash.ts';
import type { JudgedItems } from '../judged.ts';

const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/**
 * Judges one record of a `book` frame: `s` symbol, `t` UNIX milliseconds, `b` and `a` lists of `[price, size]`, best
 * first. This kind of frame is our own; Finnhub sends none.
 */
export function judgeBookRecord(record: Readonly<Record<string, unknown>>): JudgedItems<Book> {
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

function reject(reason: RejectReason, detail: string): JudgedItems<never> {
  return { kind: 'reject', reason, detail };
}
