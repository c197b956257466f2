import type { FeedClock } from '@kandle/market/feed/feed-clock';
import { createTradeMemory, type TradeMemory } from '@kandle/market/feed/trade-identity';
import { type BatchOptions, createShardBuffer, type ShardBuffer } from './lane/shard-buffer.ts';

/** Everything that ingest knows of one shard. */
export interface IngestShard {
  readonly name: string;
  readonly memory: TradeMemory;
  readonly buffer: ShardBuffer;
  /** Null before the shard's first record. */
  clock: FeedClock | null;
  /** Of symbols that are delayed, by how much. */
  readonly delaysMs: Map<string, number>;
  /**
   * Watermark of the shard's newest batch in the log, or under way to it; 0 if nothing is known of the shard.
   */
  sentWatermarkMs: number;
  /** Ingest time of the newest batch read back, epoch milliseconds; 0 if there is none. */
  lastIngestMs: number;
  /** Sequence of the batch sent last; the first is 1. */
  sequence: number;
}

/** A shard of which nothing is known yet. */
export function createIngestShard(name: string, options: BatchOptions): IngestShard {
  return {
    name,
    memory: createTradeMemory(),
    buffer: createShardBuffer(name, options),
    clock: null,
    delaysMs: new Map(),
    sentWatermarkMs: 0,
    lastIngestMs: 0,
    sequence: 0,
  };
}
