import { feedSource } from '@kandle/market/event/batch-header';
import { formatFeedGap, parseFeedGap } from '@kandle/market/feed/feed-gap';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import { formatBatchRejects, type Reject } from '@kandle/market/event/rejects';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { cleanBooks, cleanNews } from '@kandle/market/feed/clean-books-and-news';
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
 * on. Of books and news only what is refused is sent: persist reads the raw batches.
 */
export function createTransform(deps: TransformDeps): (event: ReceivedEvent) => Promise<void> {
  async function refuse(
    { id }: ReceivedEvent,
    { shard }: Pick<RawBatch, 'shard'>,
    rejects: readonly Reject[],
  ): Promise<void> {
    if (rejects.length === 0) return;
    await deps.producer.send(deps.rejectsTopic, [formatBatchRejects(id, shard, rejects)]);
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
    if (event.type === EVENT_TYPES.rawBooks) return refuse(event, raw, cleanBooks(raw).rejects);
    if (event.type === EVENT_TYPES.rawNews) return refuse(event, raw, cleanNews(raw).rejects);
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
