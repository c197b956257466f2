import type { NewsBatch } from '@kandle/market/news/news-batch';
import type { NewsItem } from '@kandle/market/news/news';
import { feedOfShard } from '@kandle/market/event/shard';
import { dayOf, type PartitionRows, type ViewRow, writeTimestamp } from './view-rows.ts';

/** How many pieces of news are told apart within one millisecond of ingest. */
const ORDERS_PER_MS = 1_000;

/**
 * The rows of news in `news`, a partition per symbol and day. A feed may send a piece again with other words under the
 * same id: what ingest saw last stays.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function newsRows({ shard, ingestTimeMs, news }: NewsBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const rows = news.map((item, index) =>
    newsRow(feed, item, writeTimestamp(ingestTimeMs, index % ORDERS_PER_MS)),
  );
  return [...Map.groupBy(rows, ({ values: [, symbol, day] }) => `${symbol}|${day}`).values()];
}

function newsRow(feed: string, item: NewsItem, timestamp: bigint): ViewRow {
  const { id, symbol, eventTimeMs, headline, summary, source, category, url, sentiment } = item;
  const rating = [sentiment ?? 0, sentiment !== null] as const;
  const texts = [headline, summary, source, category, url] as const;
  return {
    view: 'news',
    values: [feed, symbol, dayOf(eventTimeMs), eventTimeMs, id, ...texts, ...rating, timestamp],
  };
}
