import type { Book, BookLevel } from '@kandle/market/book/book';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { BookBatch } from '@kandle/market/book/book-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { type PartitionRows, type ViewRow, writeTimestamp } from './view-rows.ts';

const HOUR_MS = 3_600_000;

/**
 * The rows of books in `order_books`, a partition per symbol and hour. A book's id is its content, so a repeat writes
 * the same row.
 *
 * @throws {RangeError} If a book has no level on a side, or its time is beyond the year 2255.
 */
export function bookRows({ shard, books }: BookBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const rows = books.map((book) => bookRow(feed, book));
  return [...Map.groupBy(rows, ({ values: [, symbol, hour] }) => `${symbol}|${hour}`).values()];
}

function bookRow(feed: string, { id, symbol, eventTimeMs, bids, asks }: Book): ViewRow {
  const [bid, ask] = [bids[0], asks[0]];
  if (bid === undefined || ask === undefined) throw new RangeError('a book has no bid or no ask');
  return {
    view: 'order_books',
    values: [
      feed,
      symbol,
      eventTimeMs - (eventTimeMs % HOUR_MS),
      eventTimeMs,
      id,
      e8ToDouble(bid.priceE8),
      e8ToDouble(bid.sizeE8),
      e8ToDouble(ask.priceE8),
      e8ToDouble(ask.sizeE8),
      e8ToDouble(bid.priceE8 + ask.priceE8) / 2,
      e8ToDouble(ask.priceE8 - bid.priceE8),
      textOf(bids),
      textOf(asks),
      writeTimestamp(eventTimeMs),
    ],
  };
}

/** The levels as `[[price, size], …]`, best first: what a person or a panel reads. */
function textOf(levels: readonly BookLevel[]): string {
  return JSON.stringify(levels.map(({ priceE8, sizeE8 }) => [e8ToDouble(priceE8), e8ToDouble(sizeE8)]));
}
