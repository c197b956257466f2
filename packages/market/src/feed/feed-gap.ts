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
  /** What a backfill made of it. A gap is told again for that, and is the same gap. */
  readonly backfill?: GapBackfill | undefined;
}

/** What became of a gap when its trades were looked for elsewhere. */
export interface GapBackfill {
  /** Where they were looked for: `recording`, or a vendor. */
  readonly source: string;
  /** When, by the wall clock: of two reports the later one counts. */
  readonly atMs: number;
  readonly state: 'filled' | 'partly' | 'unfilled';
  /** Trades brought so far, by every backfill of this gap. */
  readonly trades: number;
  /** What is missing still. Nothing if, and only if, it is filled. */
  readonly left: readonly LeftSpan[];
  /** Why not, in words; empty where there is nothing to say. */
  readonly note: string;
}

/** A stretch of a gap, both ends included, that a symbol lacks still; `*` is every symbol of the shard. */
export interface LeftSpan {
  readonly symbol: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Most stretches that a report tells one by one. */
export const MAX_LEFT = 100;
/** Longest note of a report, characters. */
export const MAX_NOTE = 200;

const wholeMs = z.number().int().min(0);
const GapBackfillSchema = z.object({
  source: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
  atMs: wholeMs,
  state: z.enum(['filled', 'partly', 'unfilled']),
  trades: wholeMs,
  left: z
    .array(z.object({ symbol: z.string().min(1).max(64), fromMs: wholeMs, toMs: wholeMs }))
    .max(MAX_LEFT),
  note: z.string().max(MAX_NOTE),
});

/** The data of a gap. */
export const FeedGapSchema = z
  .object({
    shard: z.string().min(1).max(40),
    fromMs: z.number().int().min(0),
    toMs: z.number().int().min(0),
    reason: z.enum(GAP_REASONS),
    droppedRecords: z.number().int().min(0),
    sampled: z.literal(true).optional(),
    backfill: GapBackfillSchema.optional(),
  })
  .refine(({ fromMs, toMs }) => fromMs <= toMs, 'a gap ends before it begins');

/** The event of a gap; transform passes it on unchanged. */
export function formatFeedGap(gap: FeedGap, epoch: number): MarketEvent {
  return {
    id: `${epoch}:${gap.shard}:gap:${gap.fromMs}:${gap.reason}${gap.backfill === undefined ? '' : `:${gap.backfill.atMs}`}`,
    source: feedSource(gap.shard),
    type: EVENT_TYPES.feedGap,
    key: gap.shard,
    extensions: { partitionkey: gap.shard, shard: gap.shard },
    data: gap,
  };
}

/** @throws {z.ZodError} If the data is no gap. */
export function parseFeedGap(data: unknown): FeedGap {
  return FeedGapSchema.parse(data);
}
