import { feedOfShard } from '@kandle/market/event/shard';
import { bucketOf } from '@kandle/market/view/buckets';
import type { NewsItem } from '@kandle/market/news/news';
import type { NewsBatch } from '@kandle/market/news/news';
import { dayOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/** How many news items are told apart within one millisecond of ingest. */
const ORDERS_PER_MS = 1_000;

/**
 * The rows of news in `news`, a partition per symbol and day, and in `news_ratings`. A feed may send an item
 * again with other words under the same id: the one that ingest saw last stays.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function newsRows({ shard, ingestTimeMs, news }: NewsBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const timed = news.map((item, index) => {
    return { item, timestamp: writeTimestamp(ingestTimeMs, index % ORDERS_PER_MS) };
  });
  const rows = timed.map(({ item, timestamp }) => newsRow(feed, item, timestamp));
  const ratings = timed.map(({ item, timestamp }) => ratingRow(feed, item, timestamp));
  return [
    ...Map.groupBy(rows, ({ columns: { symbol, day } }) => `${String(day)}|${String(symbol)}`).values(),
    ...Map.groupBy(ratings, ({ columns: { bucket } }) => bucket).values(),
  ];
}

function ratingRow(feed: string, item: NewsItem, timestamp: bigint): RowOf<'news_ratings'> {
  const { id, symbol, eventTimeMs, sentiment } = item;
  return {
    view: 'news_ratings',
    columns: {
      feed,
      bucket: bucketOf('news_ratings', eventTimeMs),
      time: eventTimeMs,
      symbol,
      id,
      sentiment: sentiment ?? 0,
      rated: sentiment !== null,
    },
    timestamp,
  };
}

function newsRow(feed: string, item: NewsItem, timestamp: bigint): RowOf<'news'> {
  const { id, symbol, eventTimeMs, headline, summary, source, category, url, sentiment } = item;
  return {
    view: 'news',
    columns: {
      feed,
      symbol,
      day: dayOf(eventTimeMs),
      time: eventTimeMs,
      id,
      headline,
      summary,
      source,
      category,
      url,
      sentiment: sentiment ?? 0,
      rated: sentiment !== null,
    },
    timestamp,
  };
}
