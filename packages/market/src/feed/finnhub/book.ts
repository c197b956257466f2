import { type Book, type BookLevel, isSorted, MAX_BOOK_LEVELS, toPair } from '../../book/book.ts';
import { isEventTime } from '../../event/event-time.ts';
import type { RejectReason } from '../../event/rejects.ts';
import { readSymbol } from '../../event/symbol.ts';
import { readE8 } from '../../number/fixed-point.ts';
import { canBeBelowZero, isPrice, isSize } from './amounts.ts';
import { fnv1a64, hashToText } from '../../number/hash.ts';
import type { JudgedItems } from '../judged.ts';

/**
 * Judges one record of a `book` frame: `s` symbol, `t` UNIX milliseconds, `b` and `a` lists of `[price, size]`,
 * best first. This kind of frame is our own; Finnhub sends none.
 */
export function judgeBookRecord(record: Readonly<Record<string, unknown>>): JudgedItems<Book> {
  const { s, t: eventTimeMs, b, a } = record;
  const symbol = readSymbol(s);
  if (symbol === null) return reject('bad_symbol', 's is not a symbol');
  if (!isEventTime(eventTimeMs)) return reject('bad_time', 't is not in milliseconds between 2000 and 2100');
  const isSigned = canBeBelowZero(symbol);
  const [bids, asks] = [readLevels(b, isSigned), readLevels(a, isSigned)];
  if (bids === 'no list' || asks === 'no list') {
    return reject('bad_book', 'b or a is no list of [price, size] within their bounds');
  }
  if (bids === 'too many decimals' || asks === 'too many decimals') {
    return reject('too_many_decimals', 'a price or size has more than eight decimals');
  }
  const [bid, ask] = [bids[0], asks[0]];
  if (bid === undefined || ask === undefined) return reject('bad_book', 'b or a is empty');
  if (bid.priceE8 >= ask.priceE8) return reject('bad_book', 'the best bid is not below the best ask');
  if (!isSorted(bids.toReversed()) || !isSorted(asks)) return reject('bad_book', 'levels are not best first');
  const id = hashToText(fnv1a64(JSON.stringify([symbol, eventTimeMs, bids.map(toPair), asks.map(toPair)])));
  return { kind: 'items', items: [{ id, symbol, eventTimeMs, bids, asks }] };
}

type Refused = 'no list' | 'too many decimals';

function readLevels(value: unknown, isSigned: boolean): readonly BookLevel[] | Refused {
  if (!Array.isArray(value)) return 'no list';
  const levels: BookLevel[] = [];
  for (const item of value.slice(0, MAX_BOOK_LEVELS)) {
    const level = readLevel(item, isSigned);
    if (typeof level === 'string') return level;
    levels.push(level);
  }
  return levels;
}

function readLevel(level: unknown, isSigned: boolean): BookLevel | Refused {
  if (!Array.isArray(level) || level.length !== 2) return 'no list';
  const [price, size]: readonly unknown[] = level;
  if (!isPrice(price, isSigned) || !isSize(size)) return 'no list';
  const [priceE8, sizeE8] = [readE8(price), readE8(size)];
  return priceE8 === null || sizeE8 === null ? 'too many decimals' : { priceE8, sizeE8 };
}

function reject(reason: RejectReason, detail: string): JudgedItems<never> {
  return { kind: 'reject', reason, detail };
}
