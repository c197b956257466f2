import type { FeedClock } from '@kandle/market/feed-clock';
import { createTradeMemory, type TradeMemory } from '@kandle/market/trade-identity';
import { type BatchBounds, createShardBuffer, type ShardBuffer } from './shard-buffer.ts';
import { createWaitingWindows, type WaitingWindows } from './waiting-windows.ts';

/** Everything that ingest knows of one shard. */
export interface ShardLine {
  readonly shard: string;
  readonly memory: TradeMemory;
  readonly waiting: WaitingWindows;
  readonly buffer: ShardBuffer;
  /** Null before the shard's first record. */
  clock: FeedClock | null;
  /** True once this process has taken a record, not only read some back. */
  isLive: boolean;
  /** Ingest time of the newest batch read back, epoch milliseconds; 0 if there is none. */
  lastIngestMs: number;
  /** Sequence of the batch sent last; the first is 1. */
  sequence: number;
}

/** A shard of which nothing is known yet. */
export function createShardLine(shard: string, bounds: BatchBounds & { readonly graceMs: number }): ShardLine {
  return {
    shard,
    memory: createTradeMemory(),
    waiting: createWaitingWindows(bounds.graceMs),
    buffer: createShardBuffer(shard, bounds),
    clock: null,
    isLive: false,
    lastIngestMs: 0,
    sequence: 0,
  };
}
