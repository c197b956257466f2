import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import type { Departure, Group, LaneSource } from './lane.ts';
import type { SealedBatch } from './shard-buffer.ts';
import type { IngestShard } from '../ingest-shard.ts';
import type { ShardMap } from '../shard-map.ts';

/** Batches that leave together, and what they hold. */
export interface BatchGroup extends Group {
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
}

/**
 * What waits to be sent, over all shards. A group has of every shard what is sealed and what has lingered long
 * enough; with it the sequences of its batches are fixed.
 */
export interface Outbox extends LaneSource<BatchGroup> {
  /** Gives up the oldest batch of all shards; undefined if there is none. */
  dropOldest(): SealedBatch | undefined;
}

/**
 * Longest group, bytes of JSON. All of it may go to one partition, whose record batch must stay below the
 * broker's `message.max.bytes` (1 MiB) even if it does not compress.
 */
const MAX_GROUP_BYTES = 640 * 1_024;
/** What a batch costs beside its records. */
const HEADER_BYTES = 512;

/** How long a batch that is not full waits for more. */
export interface Lingering {
  readonly lingerMs: number;
  /** Shortest time from a shard's batch to its next one that is not full. */
  readonly spacingMs: number;
}

/** Builds the outbox over a feed's shards. */
export function createOutbox(shards: ShardMap, { lingerMs, spacingMs }: Lingering): Outbox {
  const all = shards.all();
  const leftAtMs = new Map<IngestShard, number>();
  let first = 0;

  const spacedAtMs = (shard: IngestShard): number =>
    (leftAtMs.get(shard) ?? Number.NEGATIVE_INFINITY) + spacingMs;

  /** When a shard's open batch is due; undefined if there is none. */
  function dueAtMs(shard: IngestShard): number | undefined {
    const openedAtMs = shard.buffer.openedAtMs();
    return openedAtMs === undefined ? undefined : Math.max(openedAtMs + lingerMs, spacedAtMs(shard));
  }

  /** What leaves next: the open batch only when nothing sealed is before it, and it may leave. */
  function next({ buffer, clock }: IngestShard, openLeaves: boolean) {
    if (buffer.peek() === undefined && buffer.openedAtMs() !== undefined && openLeaves)
      buffer.seal(clock?.watermarkMs ?? 0);
    return buffer.peek();
  }

  return {
    take(departure, everything) {
      const events: MarketEvent[] = [];
      let batches = 0;
      let records = 0;
      let bytes = 0;
      let groupBytes = 0;
      const { monotonicMs } = departure;
      // Once one is due, those of other shards leave with it if they are not too soon after their last: one
      // request.
      const isOneDue =
        everything || all.some((shard) => (dueAtMs(shard) ?? Number.POSITIVE_INFINITY) <= monotonicMs);
      for (let step = 0; step < all.length; step++) {
        const shard = all[(first + step) % all.length];
        if (shard === undefined) continue;
        const openLeaves = everything || (isOneDue && spacedAtMs(shard) <= monotonicMs);
        for (let item = next(shard, openLeaves); item !== undefined; ) {
          if (item.kind === 'gap') {
            const { isSampled } = shards.format;
            const gap = isSampled ? { ...item.gap, sampled: true as const } : item.gap;
            events.push(formatFeedGap(gap, departure.epoch));
            groupBytes += HEADER_BYTES;
          } else {
            const size = item.bytes + HEADER_BYTES;
            if (events.length > 0 && groupBytes + size > MAX_GROUP_BYTES) {
              // The shard that found no room is the first of the next group.
              first = (first + step) % all.length;
              return { events, batches, records, bytes };
            }
            events.push(rawBatch(shard, item, { departure, shards }));
            leftAtMs.set(shard, monotonicMs);
            batches += 1;
            records += item.records.length;
            bytes += item.bytes;
            groupBytes += size;
          }
          shard.buffer.shift();
          item = next(shard, openLeaves);
        }
      }
      if (events.length === 0) return null;
      return { events, batches, records, bytes };
    },
    readyAtMs() {
      let readyAtMs: number | undefined;
      for (const shard of all) {
        if (shard.buffer.peek() !== undefined) return Number.NEGATIVE_INFINITY;
        const dueMs = dueAtMs(shard);
        if (dueMs !== undefined) readyAtMs = Math.min(readyAtMs ?? Number.POSITIVE_INFINITY, dueMs);
      }
      return readyAtMs;
    },
    dropOldest() {
      let oldest: IngestShard | undefined;
      let oldestAtMs = Number.POSITIVE_INFINITY;
      for (const shard of all) {
        const atMs = shard.buffer.oldestAtMs();
        if (atMs === undefined || atMs >= oldestAtMs) continue;
        oldest = shard;
        oldestAtMs = atMs;
      }
      return oldest?.buffer.dropOldest();
    },
  };
}

function rawBatch(
  shard: IngestShard,
  batch: SealedBatch,
  {
    departure,
    shards,
  }: { readonly departure: Departure; readonly shards: Pick<ShardMap, 'format' | 'rules'> },
): MarketEvent {
  shard.sequence += 1;
  const watermarkBeforeMs = shard.sentWatermarkMs;
  shard.sentWatermarkMs = batch.watermarkMs;
  return formatRawBatch({
    shard: shard.name,
    epoch: departure.epoch,
    sequence: shard.sequence,
    watermarkMs: batch.watermarkMs,
    watermarkBeforeMs,
    ingestTimeMs: departure.wallMs,
    traceparent: departure.traceparent(),
    format: shards.format.name,
    rules: shards.rules,
    records: batch.records,
  });
}
