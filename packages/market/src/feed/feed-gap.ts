import { z } from 'zod';
import { feedSource } from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { EVENT_TYPES } from '../event/topics.ts';

/** Why a part of a feed is missing. */
export const GAP_REASONS = [
  'disconnected',
  'silent',
  /** The line was alive, and brought no data while a market was open. */
  'mute',
  'buffer_overflow',
  'restarted',
  /** Ingest began with nothing known of the shard: its first window is partial. */
  'started',
  /** The machine slept, or the process was stopped, and the line did not outlast it. */
  'suspended',
  /** A frame was longer than is taken. */
  'frame_refused',
  /** A batch of the raw topic cannot be read. */
  'unreadable',
] as const;

/** Why a part of a feed is missing. */
export type GapReason = (typeof GAP_REASONS)[number];

/**
 * A stretch of event time, both ends included, in which a shard may lack trades. `droppedRecords` counts those
 * known to be lost, 0 where nobody can know.
 */
export interface FeedGap {
  readonly shard: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: GapReason;
  readonly droppedRecords: number;
  /** The feed samples, and its candles are marked so. */
  readonly sampled?: true | undefined;
}

const FeedGapData = z
  .object({
    shard: z.string().min(1).max(40),
    fromMs: z.number().int().min(0),
    toMs: z.number().int().min(0),
    reason: z.enum(GAP_REASONS),
    droppedRecords: z.number().int().min(0),
    sampled: z.literal(true).optional(),
  })
  .refine(({ fromMs, toMs }) => fromMs <= toMs, 'a gap ends before it begins');

/** The event of a gap; transform passes it on unchanged. */
export function formatFeedGap(gap: FeedGap, epoch: number): MarketEvent {
  return {
    id: `${epoch}:${gap.shard}:gap:${gap.fromMs}:${gap.reason}`,
    source: feedSource(gap.shard),
    type: EVENT_TYPES.feedGap,
    key: gap.shard,
    extensions: { partitionkey: gap.shard, shard: gap.shard },
    data: gap,
  };
}

/** @throws {z.ZodError} If the data is no gap. */
export function parseFeedGap(data: unknown): FeedGap {
  return FeedGapData.parse(data);
}
