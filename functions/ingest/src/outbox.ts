import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import type { SealedBatch } from './shard-buffer.ts';
import type { IngestShard } from './ingest-shard.ts';
import type { ShardMap } from './shard-map.ts';

/** Events to be sent together, in this order; if it fails, the same ones again. */
export interface Group {
  readonly events: readonly MarketEvent[];
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
}

/** Where and when a group is made. */
export interface Departure {
  readonly epoch: number;
  readonly nowMs: number;
  readonly wallMs: number;
  readonly traceparent: () => string;
}

/** What waits to be sent, over all shards. */
export interface Outbox {
  /**
   * The next group: of every shard what is sealed and what has lingered long enough; null if there is nothing.
   * From here on the sequences and contents of its batches are fixed.
   *
   * @param everything Takes open batches without lingering.
   */
  take(departure: Departure, everything: boolean): Group | null;
  /** Monotonic time at which the next group can be taken; undefined if nothing waits. */
  readyAtMs(): number | undefined;
  /** Gives up the oldest batch of all shards; undefined if there is none. */
  dropOldest(): SealedBatch | undefined;
}

/**
 * Longest group, bytes of JSON. All of it may go to one partition, whose record batch must stay below the broker's
 * `message.max.bytes` (1 MiB) even if it does not compress.
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
  const lines = shards.lines();
  const leftAtMs = new Map<IngestShard, number>();
  let first = 0;

  const spacedAtMs = (line: IngestShard): number =>
    (leftAtMs.get(line) ?? Number.NEGATIVE_INFINITY) + spacingMs;

  /** When a shard's open batch is due; undefined if there is none. */
  function dueAtMs(line: IngestShard): number | undefined {
    const openedAtMs = line.buffer.openedAtMs();
    return openedAtMs === undefined ? undefined : Math.max(openedAtMs + lingerMs, spacedAtMs(line));
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
      const { nowMs } = departure;
      // Once one is due, those of other shards leave with it if they are not too soon after their last: one request.
      const isOneDue =
        everything || lines.some((line) => (dueAtMs(line) ?? Number.POSITIVE_INFINITY) <= nowMs);
      for (let step = 0; step < lines.length; step++) {
        const line = lines[(first + step) % lines.length];
        if (line === undefined) continue;
        const openLeaves = everything || (isOneDue && spacedAtMs(line) <= nowMs);
        for (let item = next(line, openLeaves); item !== undefined; ) {
          if (item.kind === 'gap') {
            events.push(formatFeedGap(item.gap, departure.epoch));
            groupBytes += HEADER_BYTES;
          } else {
            const size = item.bytes + HEADER_BYTES;
            if (events.length > 0 && groupBytes + size > MAX_GROUP_BYTES) {
              // The shard that found no room is the first of the next group.
              first = (first + step) % lines.length;
              return { events, batches, records, bytes };
            }
            events.push(format(line, item, departure));
            leftAtMs.set(line, nowMs);
            batches += 1;
            records += item.records.length;
            bytes += item.bytes;
            groupBytes += size;
          }
          line.buffer.shift();
          item = next(line, openLeaves);
        }
      }
      if (events.length === 0) return null;
      return { events, batches, records, bytes };
    },
    readyAtMs() {
      let readyAtMs: number | undefined;
      for (const line of lines) {
        if (line.buffer.peek() !== undefined) return Number.NEGATIVE_INFINITY;
        const dueMs = dueAtMs(line);
        if (dueMs !== undefined) readyAtMs = Math.min(readyAtMs ?? Number.POSITIVE_INFINITY, dueMs);
      }
      return readyAtMs;
    },
    dropOldest() {
      let oldest: IngestShard | undefined;
      let oldestAtMs = Number.POSITIVE_INFINITY;
      for (const line of lines) {
        const atMs = line.buffer.oldestAtMs();
        if (atMs === undefined || atMs >= oldestAtMs) continue;
        oldest = line;
        oldestAtMs = atMs;
      }
      return oldest?.buffer.dropOldest();
    },
  };
}

function format(line: IngestShard, batch: SealedBatch, departure: Departure): MarketEvent {
  line.sequence += 1;
  const watermarkBeforeMs = line.sentWatermarkMs;
  line.sentWatermarkMs = batch.watermarkMs;
  return formatRawBatch({
    shard: line.shard,
    epoch: departure.epoch,
    sequence: line.sequence,
    watermarkMs: batch.watermarkMs,
    watermarkBeforeMs,
    ingestTimeMs: departure.wallMs,
    traceparent: departure.traceparent(),
    records: batch.records,
  });
}
