import { z } from 'zod';
import { type BatchHeader, parseBatchHeader } from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { booksOrNewsEvent, MAX_ITEMS } from '../feed/books-and-news.ts';
import { type Book, fromPair, isSorted, MAX_BOOK_LEVELS, toPair } from './book.ts';

/** A batch of one shard's books; its sequence counts within shard, epoch and kind. */
export interface BookBatch extends BatchHeader {
  readonly books: readonly Book[];
}

/** The event of clean books, for `market.trades.v1`. */
export function formatBookBatch({ books, ...header }: BookBatch): MarketEvent {
  const data = books.map(({ bids, asks, ...book }) => ({
    ...book,
    bids: bids.map(toPair),
    asks: asks.map(toPair),
  }));
  return booksOrNewsEvent('books', header, EVENT_TYPES.books, { books: data });
}

const symbol = z.string().refine(isSymbol, 'expected a symbol');
const eventTimeMs = z.number().int().min(0);

const jsonInteger = z.union([z.number(), z.string()]);
const levels = z
  .array(z.tuple([jsonInteger, jsonInteger]))
  .min(1)
  .max(MAX_BOOK_LEVELS);

const BookBatchData = z.object({
  books: z
    .array(z.object({ id: z.string().min(1).max(64), symbol, eventTimeMs, bids: levels, asks: levels }))
    .max(MAX_ITEMS),
});

/**
 * Reads clean books from an event's attributes and its JSON data.
 *
 * @throws {z.ZodError} If the envelope or the shape is malformed.
 * @throws {RangeError} If a level is not what transform writes.
 */
export function parseBookBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): BookBatch {
  const books = BookBatchData.parse(data).books.map(({ bids, asks, ...book }): Book => {
    const read = { ...book, bids: bids.map(fromPair), asks: asks.map(fromPair) };
    if (!isSorted(read.bids.toReversed()) || !isSorted(read.asks)) {
      throw new RangeError('Cannot read a book: its levels are not best first');
    }
    return read;
  });
  return { ...parseBatchHeader(attributes), books };
}
