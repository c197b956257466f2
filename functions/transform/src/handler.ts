import { feedSource } from '@kandle/market/event/batch-header';
import { formatFeedGap, parseFeedGap } from '@kandle/market/feed/feed-gap';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { formatBatchRejects, type Reject } from '@kandle/market/event/rejects';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { cleanBooks, cleanNews } from '@kandle/market/feed/clean-books-and-news';
import { formatBookBatch } from '@kandle/market/book/book-batch';
import { formatNewsBatch } from '@kandle/market/news/news-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { countCleaned, type TransformMetrics } from './metrics.ts';

/** What the transform function is made of. */
export interface TransformDeps {
  readonly producer: Pick<EventProducer, 'send'>;
  readonly tradesTopic: string;
  readonly rejectsTopic: string;
  readonly horizonMs: number;
  readonly counters: TransformMetrics;
}

/**
 * Builds the function that turns one raw batch into exactly one clean batch with the same epoch and sequence,
 * and sends what it refuses to the rejects. Resolves when both are acknowledged. Gaps are checked and passed
 * on; books and news are cleaned in batches of their own.
 */
export function createTransform(deps: TransformDeps): (event: ReceivedEvent) => Promise<void> {
  /** Books and news: a batch of which nothing is left is not sent, for nobody waits for its number. */
  async function passOn(
    { id }: ReceivedEvent,
    shard: string,
    clean: readonly MarketEvent[],
    rejects: readonly Reject[],
  ): Promise<void> {
    const sent = [];
    if (clean.length > 0) sent.push(deps.producer.send(deps.tradesTopic, clean));
    if (rejects.length > 0) {
      sent.push(deps.producer.send(deps.rejectsTopic, [formatBatchRejects(id, shard, rejects)]));
    }
    await Promise.all(sent);
    for (const { reason } of rejects) deps.counters.rejects.add(1, { reason });
  }

  return async function transform(event) {
    if (event.type === EVENT_TYPES.feedGap) {
      const gap = parseOrPoison('feed gap', () => parseFeedGap(event.data));
      const passedOn = { ...formatFeedGap(gap, 0), id: event.id, source: feedSource(gap.shard) };
      await deps.producer.send(deps.tradesTopic, [passedOn]);
      return;
    }
    const raw = parseOrPoison('raw batch', () => parseRawBatch(event.attributes, event.data));
    if (event.type === EVENT_TYPES.rawBooks) {
      const { batch: books, rejects: refused } = cleanBooks(raw);
      return passOn(event, raw.shard, books.books.length === 0 ? [] : [formatBookBatch(books)], refused);
    }
    if (event.type === EVENT_TYPES.rawNews) {
      const { batch: news, rejects: refused } = cleanNews(raw);
      return passOn(event, raw.shard, news.news.length === 0 ? [] : [formatNewsBatch(news)], refused);
    }
    const cleaned = cleanBatch(raw, deps.horizonMs);
    const { batch, rejects } = cleaned;
    const sent = [deps.producer.send(deps.tradesTopic, [formatTradeBatch(batch)])];
    if (rejects.length > 0) {
      sent.push(deps.producer.send(deps.rejectsTopic, [formatBatchRejects(event.id, raw.shard, rejects)]));
    }
    await Promise.all(sent);
    countCleaned(deps.counters, cleaned);
  };
}
