import { parseEventData } from '@kandle/runtime/received-event';
import { z } from 'zod';
import type { Rules } from '../recompute/conditions.ts';

/** An event as it stands in a topic: the CloudEvent's attributes without `ce_`, and its data. */
export interface TopicEvent {
  readonly partition: number;
  readonly offset: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** What its data are; JSON where it is absent. */
  readonly contentType?: string | undefined;
  readonly value: Uint8Array;
}

/** A raw batch as ingest wrote it. */
export interface RawBatch {
  readonly shard: string;
  readonly epoch: number;
  readonly sequence: number;
  /** 0 in a batch of refused records that were redriven: it tells nothing of the time. */
  readonly watermarkMs: number;
  /** Before this, by what was known before the batch, less the horizon, a trade is too late. */
  readonly knownMs: number;
  /** How its records are to be read. */
  readonly format: RecordForm;
  /** What conditions and price updates count for; null in logs of before they did. */
  readonly rules: Rules | null;
  /** Where its records were fetched from afterwards; null of what the feed brought. */
  readonly backfilled: string | null;
  readonly records: readonly RawRecord[];
}

/** Finnhub's trades, trades that were mapped to the same names, or looks at a market from time to time. */
export type RecordForm = 'finnhub' | 'trades' | 'samples';

/** A record of a feed, with the id that ingest gave it. */
export interface RawRecord {
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
  /** How far its symbol is behind its shard; 0 for all but delayed ones. */
  readonly delayMs: number;
}

/** A stretch of event time, both ends included, that a shard may lack. */
export interface Gap {
  /** Id of its event. */
  readonly id: string;
  readonly shard: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  readonly droppedRecords: number;
  /** What a backfill says of it; absent where none has. */
  readonly backfill?: GapBackfill | undefined;
}

/** What a backfill made of a gap. */
export interface GapBackfill {
  readonly source: string;
  readonly atMs: number;
  readonly state: string;
  readonly trades: number;
  readonly left: readonly { readonly symbol: string; readonly fromMs: number; readonly toMs: number }[];
  readonly note: string;
}

const digits = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);

const Attributes = z.object({
  shard: z.string().regex(/^[a-z][a-z0-9-]{0,30}-\d{2}$/),
  epoch: digits,
  sequence: digits,
  watermark: digits,
  /** Absent in logs written before 2026-11-28: they were judged by the batch's own watermark. */
  watermarkbefore: digits.optional(),
  ingesttime: digits,
  backfilled: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,30}$/)
    .optional(),
});

const Codes = z.array(z.string().regex(/^[A-Za-z0-9@]{1,8}$/)).max(200);

const Data = z.object({
  /** Whose records they are; absent in logs written before 2026-11-29, which are all Finnhub's. */
  format: z.enum(['finnhub', 'trades', 'samples']).default('finnhub'),
  rules: z
    .union([z.enum(['all', 'us-tape']), z.strictObject({ highLow: Codes, volume: Codes, nothing: Codes })])
    .optional()
    .transform((rules) => rules ?? null),
  records: z
    .array(
      z.object({
        id: z.string().min(1).max(128),
        record: z.record(z.string(), z.unknown()),
        delayMs: z.number().int().min(0).default(0),
      }),
    )
    .max(10_000),
});

const count = z.number().int().min(0);
const GapData = z
  .object({
    shard: z.string().min(1).max(40),
    fromMs: count,
    toMs: count,
    reason: z.enum([
      'disconnected',
      'silent',
      'mute',
      'buffer_overflow',
      'restarted',
      'started',
      'suspended',
      'frame_refused',
      'unreadable',
    ]),
    droppedRecords: count,
    backfill: z
      .object({
        source: z.string().regex(/^[a-z][a-z0-9-]{0,30}$/),
        atMs: count,
        state: z.enum(['filled', 'partly', 'unfilled']),
        trades: count,
        left: z.array(z.object({ symbol: z.string().min(1).max(64), fromMs: count, toMs: count })).max(100),
        note: z.string().max(200),
      })
      .optional(),
  })
  .refine(({ fromMs, toMs }) => fromMs <= toMs);

/** The raw batch of an event of `market.raw.v1`; null if it is none that transform could read. */
export function readRawBatch(event: TopicEvent): RawBatch | null {
  const attributes = Attributes.safeParse(event.attributes);
  const data = Data.safeParse(dataOf(event));
  if (!attributes.success || !data.success) return null;
  const { shard, epoch, sequence, watermark, watermarkbefore: knownMs = watermark } = attributes.data;
  const { backfilled = null } = attributes.data;
  return { shard, epoch, sequence, watermarkMs: watermark, knownMs, backfilled, ...data.data };
}

/** Number and watermark of a raw batch, by its attributes alone; null if it is none. */
export function readBatchName(
  event: TopicEvent,
): { readonly epoch: number; readonly sequence: number; readonly watermarkMs: number } | null {
  const attributes = Attributes.safeParse(event.attributes);
  if (!attributes.success) return null;
  const { epoch, sequence, watermark } = attributes.data;
  return { epoch, sequence, watermarkMs: watermark };
}

/** The gap of an event of `market.raw.v1`; null if it is none that transform could read. */
export function readGap(event: TopicEvent): Gap | null {
  const gap = GapData.safeParse(dataOf(event));
  return gap.success ? { id: event.attributes['id'] ?? '', ...gap.data } : null;
}

function dataOf(event: TopicEvent): unknown {
  try {
    return parseEventData(event.value);
  } catch {
    return undefined;
  }
}
