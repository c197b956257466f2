import { type BatchHeader, parseBatchHeader } from '@kandle/market/event/batch-header';
import { feedOfShard } from '@kandle/market/event/shard';
import type { EventSpan } from '@kandle/market/feed/outage';
import { unreadableSpan } from '@kandle/market/feed/unreadable-span';
import type { TailMessage } from './offset-range-consumer.ts';

/** A batch of the raw topic that cannot be read: where it is, whose it is, and what is missing with it. */
export interface Unreadable {
  readonly partition: number;
  readonly offset: string;
  readonly id: string;
  /** Null if not even that can be read. */
  readonly shard: string | null;
  /** Null if nothing tells. */
  readonly span: EventSpan | null;
}

/** Finds out what is missing with the batches that cannot be read, from their neighbours in the log. */
export interface UnreadableBatches {
  /** A batch was read. */
  onBatch(batch: BatchHeader): void;
  /** One was not. @returns Its header, if that can be read. */
  onUnreadable(message: TailMessage): BatchHeader | null;
  /** Those of a feed, and those of which nobody knows whose they are. */
  all(feed: string): readonly Unreadable[];
}

interface Found {
  readonly message: TailMessage;
  readonly shard: string | null;
  readonly own: BatchHeader | null;
  readonly before: BatchHeader | null;
  after: BatchHeader | null;
}

/** Nothing was found yet. */
export function createUnreadableBatches(disorderMs: number): UnreadableBatches {
  const found = new Map<string, Found>();
  const lastOf = new Map<string, BatchHeader>();

  return {
    onBatch(batch) {
      lastOf.set(batch.shard, batch);
      for (const one of found.values()) if (one.shard === batch.shard) one.after ??= batch;
    },
    onUnreadable(message) {
      const { partition, offset, attributes } = message;
      const own = headerOf(attributes);
      const shard = own?.shard ?? attributes['shard'] ?? attributes['partitionkey'] ?? null;
      const before = shard === null ? null : (lastOf.get(shard) ?? null);
      const place = `${partition}:${offset}`;
      if (!found.has(place)) found.set(place, { message, shard, own, before, after: null });
      return own;
    },
    all: (feed) =>
      [...found.values()]
        .filter(({ shard }) => shard === null || feedOfShard(shard) === feed)
        .map(({ message: { partition, offset, attributes }, shard, ...known }) => ({
          partition,
          offset,
          id: (attributes['id'] ?? '').slice(0, 80),
          shard,
          span: unreadableSpan(known, disorderMs),
        })),
  };
}

function headerOf(attributes: TailMessage['attributes']): BatchHeader | null {
  try {
    return parseBatchHeader(attributes);
  } catch {
    return null;
  }
}
