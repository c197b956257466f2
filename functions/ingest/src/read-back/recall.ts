import { isEventTime } from '@kandle/market/event/event-time';
import type { RawBatch } from '@kandle/market/feed/raw-batch';
import { recordFormat } from '@kandle/market/feed/formats';
import { readSymbol } from '@kandle/market/event/symbol';
import { windowDueMs, windowStartOf } from '@kandle/market/window/window';
import type { ShardMap } from '../shard-map.ts';

/** How a batch read back is taken in: the feed's time now, and how its clocks go. */
export interface RecallOptions {
  readonly disorderMs: number;
  readonly graceMs: number;
  readonly feedMs: number;
}

/**
 * Takes in a batch that an earlier process sent: remembers its trades, continues the shard's watermark and
 * learns which windows still wait for a closing batch. Batches come in the order of the log; repeats change
 * nothing.
 *
 * Time is what its watermark says, not its records: only the writer knew which of them it believed. A batch
 * with the watermark 0 is a redriven one, and tells nothing of time.
 *
 * @throws {RangeError} If the batch belongs to another number of shards.
 */
export function recallBatch(shards: ShardMap, batch: RawBatch, options: RecallOptions): void {
  const shard = shards.named(batch.shard);
  if (shard === undefined)
    throw new RangeError(`Cannot go on: the log has ${batch.shard}, beyond SHARD_COUNT`);
  const { seeTrade } = recordFormat(batch.format);
  let lastDueMs = batch.watermarkMs;
  for (const { id, record, delayMs } of batch.records) {
    const { symbol: spelled, eventTimeMs, isTrade } = seeTrade(record);
    const symbol = readSymbol(spelled);
    if (symbol !== null && shards.shardOf(symbol) !== shard) {
      throw new RangeError(
        `Cannot go on: the log has ${symbol} in ${batch.shard}; was SHARD_COUNT changed? Another count is another FEED`,
      );
    }
    shard.memory.remember(id, options.feedMs, symbol);
    if (symbol !== null && delayMs !== undefined) shard.delaysMs.set(symbol, delayMs);
    // A price update in a batch of before it counted is in no window.
    if (!isEventTime(eventTimeMs) || !(isTrade || batch.rules !== undefined)) continue;
    shard.buffer.hold(eventTimeMs);
    lastDueMs = Math.max(lastDueMs, windowDueMs(windowStartOf(eventTimeMs), options.graceMs));
  }
  if (batch.watermarkMs > 0) {
    const watermarkMs = Math.max(shard.sentWatermarkMs, batch.watermarkMs);
    shard.sentWatermarkMs = watermarkMs;
    shard.clock = {
      maxEventTimeMs: watermarkMs + options.disorderMs,
      reachedAtMs: options.feedMs,
      lastDueMs: Math.max(shard.clock?.lastDueMs ?? 0, lastDueMs),
      watermarkMs,
    };
    shard.lastIngestMs = Math.max(shard.lastIngestMs, batch.ingestTimeMs);
  }
  shard.buffer.cover(shard.sentWatermarkMs);
}
