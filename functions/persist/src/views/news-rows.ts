import { feedOfShard } from '@kandle/market/event/shard';
import type { NewsItem } from '@kandle/market/news/news';
import type { NewsBatch } from '@kandle/market/news/news-batch';
import { dayOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/** How many news items are told apart within one millisecond of ingest. */
const ORDERS_PER_MS = 1_000;

/**
 * The rows of news in `news`, a partition per symbol and day. A feed may send an item again with other words
 * under the same id: the one that ingest saw last stays.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function newsRows({ shard, ingestTimeMs, news }: NewsBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const rows = news.map((item, index) =>
    newsRow(feed, item, writeTimestamp(ingestTimeMs, index % ORDERS_PER_MS)),
  );
  return [
    ...Map.groupBy(rows, ({ columns: { symbol, day } }) => `${String(day)}|${String(symbol)}`).values(),
  ];
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
