import { parseEventData } from '@kandle/runtime/received-event';
import { z } from 'zod';

/** An event as it stands in a topic: the CloudEvent's attributes without `ce_`, and its data. */
export interface TopicEvent {
  readonly partition: number;
  readonly offset: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** A raw batch as ingest wrote it. */
export interface RawBatch {
  readonly shard: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly watermarkMs: number;
  readonly records: readonly { readonly id: string; readonly record: Readonly<Record<string, unknown>> }[];
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
  ingesttime: digits,
});

const Data = z.object({
  records: z
    .array(z.object({ id: z.string().min(1).max(128), record: z.record(z.string(), z.unknown()) }))
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
      'buffer_overflow',
      'restarted',
      'started',
      'suspended',
      'frame_refused',
      'unreadable',
    ]),
    droppedRecords: count,
  })
  .refine(({ fromMs, toMs }) => fromMs <= toMs);

/** The raw batch of an event of `market.raw.v1`; null if it is none that transform could read. */
export function readRawBatch(event: TopicEvent): RawBatch | null {
  const attributes = Attributes.safeParse(event.attributes);
  const data = Data.safeParse(dataOf(event));
  if (!attributes.success || !data.success) return null;
  const { shard, epoch, sequence, watermark } = attributes.data;
  return { shard, epoch, sequence, watermarkMs: watermark, records: data.data.records };
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
