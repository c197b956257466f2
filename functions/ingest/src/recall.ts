import { observeTrade } from '@kandle/market/feed/feed-clock';
import { isEventTime } from '@kandle/market/event/event-time';
import type { RawBatch } from '@kandle/market/feed/raw-batch';
import { isSymbol } from '@kandle/market/event/symbol';
import type { ShardMap } from './shard-map.ts';
import type { IngestShard } from './ingest-shard.ts';

/** How a batch read back is taken in: the feed's time now, and how its clocks go. */
export interface RecallOptions {
  readonly disorderMs: number;
  readonly graceMs: number;
  readonly feedMs: number;
}

/**
 * Takes in a batch that an earlier process sent: remembers its trades, continues the shard's watermark and learns
 * which windows still wait for a closing batch. Batches come in the order of the log; repeats change nothing.
 *
 * @throws {RangeError} If the batch belongs to another number of shards.
 */
export function recallBatch(shards: ShardMap, batch: RawBatch, options: RecallOptions): void {
  const line = shards.named(batch.shard);
  if (line === undefined)
    throw new RangeError(`Cannot go on: the log has ${batch.shard}, beyond SHARD_COUNT`);
  for (const { id, record } of batch.records) {
    const { s: symbol, t: eventTimeMs, v: size } = record;
    if (isSymbol(symbol) && shards.lineOf(symbol) !== line) {
      throw new RangeError(
        `Cannot go on: the log has ${symbol} in ${batch.shard}; was SHARD_COUNT changed? Another count is another FEED`,
      );
    }
    line.memory.remember(id);
    if (!isEventTime(eventTimeMs)) continue;
    const before = line.clock;
    const clock = observeTrade(before, eventTimeMs, options.feedMs, { ...options, speed: 1 });
    line.clock = size === 0 ? { ...clock, lastDueMs: before?.lastDueMs ?? 0 } : clock;
    if (size !== 0) line.buffer.hold(eventTimeMs);
  }
  continueWatermark(line, batch.watermarkMs, options.feedMs);
  line.buffer.cover(line.clock?.watermarkMs ?? batch.watermarkMs);
  line.lastIngestMs = Math.max(line.lastIngestMs, batch.ingestTimeMs);
}

/** The watermark as it was sent; a shard of which only empty batches are left was there, no more is known. */
function continueWatermark(line: IngestShard, watermarkMs: number, feedMs: number): void {
  line.clock =
    line.clock === null
      ? { maxEventTimeMs: watermarkMs, reachedAtMs: feedMs, lastDueMs: watermarkMs, watermarkMs }
      : { ...line.clock, watermarkMs: Math.max(line.clock.watermarkMs, watermarkMs) };
}
