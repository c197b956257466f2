import { z } from 'zod';
import { type BatchHeader, feedSource, formatBatchHeader, parseBatchHeader } from './batch-header.ts';
import { type Book, fromPair, isSorted, MAX_BOOK_LEVELS, toPair } from './book.ts';
import type { MarketEvent } from './market-event.ts';
import { MAX_HEADLINE, MAX_NEWS_NAME, MAX_NEWS_URL, MAX_SUMMARY, type NewsItem } from './news.ts';
import type { RawBatch } from './raw-batch.ts';
import { isSymbol } from './symbol.ts';
import { EVENT_TYPES } from './topics.ts';

/** Kinds of data beside trades. Each numbers its batches by itself: the trades' sequences have no holes because of it. */
export type DataKind = 'books' | 'news';

/** A batch of one shard's books; its sequence counts within shard, epoch and kind. */
export interface BookBatch extends BatchHeader {
  readonly books: readonly Book[];
}
/** A batch of one shard's news; its sequence counts within shard, epoch and kind. */
export interface NewsBatch extends BatchHeader {
  readonly news: readonly NewsItem[];
}

const RAW_TYPES = { books: EVENT_TYPES.rawBooks, news: EVENT_TYPES.rawNews } as const;
const MAX_ITEMS = 10_000;

/** The event of a raw batch of a kind, for `market.raw.v1`; `parseRawBatch` reads it. */
export function formatRawKind(kind: DataKind, { records, ...header }: RawBatch): MarketEvent {
  return eventOf(kind, header, RAW_TYPES[kind], { records });
}

/** The event of clean books, for `market.trades.v1`. */
export function formatBookBatch({ books, ...header }: BookBatch): MarketEvent {
  const data = books.map(({ bids, asks, ...book }) => ({
    ...book,
    bids: bids.map(toPair),
    asks: asks.map(toPair),
  }));
  return eventOf('books', header, EVENT_TYPES.books, { books: data });
}

/** The event of clean news, for `market.trades.v1`. */
export function formatNewsBatch({ news, ...header }: NewsBatch): MarketEvent {
  return eventOf('news', header, EVENT_TYPES.news, { news });
}

/** The id of a batch of a kind, `<epoch>:<shard>:<kind>:<sequence>`. */
export function kindBatchId(kind: DataKind, { epoch, shard, sequence }: BatchHeader): string {
  return `${epoch}:${shard}:${kind}:${sequence}`;
}

function eventOf(kind: DataKind, header: BatchHeader, type: string, data: unknown): MarketEvent {
  return {
    id: kindBatchId(kind, header),
    source: feedSource(header.shard),
    type,
    key: header.shard,
    extensions: formatBatchHeader(header),
    data,
  };
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

const NewsBatchData = z.object({
  news: z
    .array(
      z.object({
        id: z.string().min(1).max(64),
        symbol,
        eventTimeMs,
        headline: z.string().min(1).max(MAX_HEADLINE),
        summary: z.string().max(MAX_SUMMARY),
        source: z.string().max(MAX_NEWS_NAME),
        category: z.string().max(MAX_NEWS_NAME),
        url: z.string().max(MAX_NEWS_URL),
        sentiment: z.number().min(-1).max(1).nullable(),
      }),
    )
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

/**
 * Reads clean news from an event's attributes and its JSON data.
 *
 * @throws {z.ZodError} If the envelope or the shape is malformed.
 */
export function parseNewsBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): NewsBatch {
  return { ...parseBatchHeader(attributes), news: NewsBatchData.parse(data).news };
}
