import { formatFeedGap } from '@kandle/market/feed-gap';
import type { MarketEvent } from '@kandle/market/market-event';
import { formatRawBatch } from '@kandle/market/raw-batch';
import type { SealedBatch } from './shard-buffer.ts';
import type { ShardLine } from './shard-line.ts';
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
  /**
   * Batches a second, over all shards, above which batches wait longer: what an event costs everywhere downstream
   * grows with their number, not with the trades.
   */
  readonly batchesPerSecond: number;
}

/** Longest time between two groups that the number of batches can ask for: many busy shards may send more. */
const MAX_SPACING_MS = 200;

/** Builds the outbox over a feed's shards. */
export function createOutbox(shards: ShardMap, { lingerMs, batchesPerSecond }: Lingering): Outbox {
  const lines = shards.lines();
  let first = 0;
  /** Open batches stay until then, so that those of all shards leave together. */
  let spacedUntilMs = Number.NEGATIVE_INFINITY;

  const leavesAtMs = (openedAtMs: number): number => Math.max(openedAtMs + lingerMs, spacedUntilMs);

  function space(nowMs: number, batches: number): void {
    spacedUntilMs = nowMs + Math.min((batches * 1_000) / batchesPerSecond, MAX_SPACING_MS);
  }

  /** What leaves next: the open batch only when nothing sealed is before it and it has lingered. */
  function next({ buffer, clock }: ShardLine, { nowMs }: Departure, everything: boolean) {
    const openedAtMs = buffer.openedAtMs();
    if (buffer.peek() === undefined && openedAtMs !== undefined) {
      if (everything || leavesAtMs(openedAtMs) <= nowMs) buffer.seal(clock?.watermarkMs ?? 0);
    }
    return buffer.peek();
  }

  return {
    take(departure, everything) {
      const events: MarketEvent[] = [];
      let batches = 0;
      let records = 0;
      let bytes = 0;
      let groupBytes = 0;
      for (let step = 0; step < lines.length; step++) {
        const line = lines[(first + step) % lines.length];
        if (line === undefined) continue;
        for (let item = next(line, departure, everything); item !== undefined; ) {
          if (item.kind === 'gap') {
            events.push(formatFeedGap(item.gap, departure.epoch));
            groupBytes += HEADER_BYTES;
          } else {
            const size = item.bytes + HEADER_BYTES;
            if (events.length > 0 && groupBytes + size > MAX_GROUP_BYTES) {
              // The shard that found no room is the first of the next group.
              first = (first + step) % lines.length;
              space(departure.nowMs, batches);
              return { events, batches, records, bytes };
            }
            events.push(format(line, item, departure));
            batches += 1;
            records += item.records.length;
            bytes += item.bytes;
            groupBytes += size;
          }
          line.buffer.shift();
          item = next(line, departure, everything);
        }
      }
      if (events.length === 0) return null;
      space(departure.nowMs, batches);
      return { events, batches, records, bytes };
    },
    readyAtMs() {
      let readyAtMs: number | undefined;
      for (const { buffer } of lines) {
        if (buffer.peek() !== undefined) return Number.NEGATIVE_INFINITY;
        const openedAtMs = buffer.openedAtMs();
        if (openedAtMs !== undefined)
          readyAtMs = Math.min(readyAtMs ?? Number.POSITIVE_INFINITY, leavesAtMs(openedAtMs));
      }
      return readyAtMs;
    },
    dropOldest() {
      let oldest: ShardLine | undefined;
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

function format(line: ShardLine, batch: SealedBatch, departure: Departure): MarketEvent {
  line.sequence += 1;
  return formatRawBatch({
    shard: line.shard,
    epoch: departure.epoch,
    sequence: line.sequence,
    watermarkMs: batch.watermarkMs,
    ingestTimeMs: departure.wallMs,
    traceparent: departure.traceparent(),
    records: batch.records,
  });
}
