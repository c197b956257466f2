import type { Book, BookLevel } from '@kandle/market/book/book';
import type { BookBatch } from '@kandle/market/book/book';
import { feedOfShard } from '@kandle/market/event/shard';
import { addE8, e8ToDouble, subtractE8 } from '@kandle/market/number/fixed-point';
import { bucketOf } from '@kandle/market/view/buckets';
import { type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/**
 * The rows of books in `order_books`, in one partition unless their time goes over a bucket's end. A book's id
 * is its content, so a repeat writes the same row.
 *
 * @throws {RangeError} If a book has no level on a side, or its time is beyond the year 2255.
 */
export function bookRows({ shard, books }: BookBatch): readonly PartitionRows[] {
  const rows = books.map((book) => bookRow(shard, book));
  return [...Map.groupBy(rows, ({ columns: { bucket } }) => bucket).values()];
}

function bookRow(shard: string, { id, symbol, eventTimeMs, bids, asks }: Book): RowOf<'order_books'> {
  const [bid, ask] = [bids[0], asks[0]];
  if (bid === undefined || ask === undefined) throw new RangeError('a book has no bid or no ask');
  return {
    view: 'order_books',
    columns: {
      feed: feedOfShard(shard),
      shard,
      bucket: bucketOf('order_books', eventTimeMs),
      symbol,
      time: eventTimeMs,
      id,
      bid: e8ToDouble(bid.priceE8),
      bid_size: e8ToDouble(bid.sizeE8),
      ask: e8ToDouble(ask.priceE8),
      ask_size: e8ToDouble(ask.sizeE8),
      mid: e8ToDouble(addE8(bid.priceE8, ask.priceE8)) / 2,
      spread: e8ToDouble(subtractE8(ask.priceE8, bid.priceE8)),
      bids: textOf(bids),
      asks: textOf(asks),
    },
    timestamp: writeTimestamp(eventTimeMs),
  };
}

/** The levels as `[[price, size], …]`, best first: what a person or a panel reads. */
function textOf(levels: readonly BookLevel[]): string {
  return JSON.stringify(levels.map(({ priceE8, sizeE8 }) => [e8ToDouble(priceE8), e8ToDouble(sizeE8)]));
}
