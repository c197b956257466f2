import { z } from 'zod';
import { feedOfShard } from './shard.ts';

const SHARD = /^[a-z][a-z0-9-]{0,30}-\d{2}$/;
const SOURCE = /^[a-z][a-z0-9-]{0,30}$/;
const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, 'expected a whole number')
  .transform(Number);

/** Extensions of a batch event as they arrive: always strings, compared as numbers. */
const BatchExtensions = z.object({
  shard: z.string().regex(SHARD, 'expected a shard such as finnhub-03'),
  epoch: wholeNumber,
  sequence: wholeNumber,
  watermark: wholeNumber,
  watermarkbefore: wholeNumber.optional(),
  ingesttime: wholeNumber,
  sampled: z.literal('true').optional(),
  backfilled: z.string().regex(SOURCE, 'expected the name of a source').optional(),
  traceparent: z.string().max(64).optional(),
});

/**
 * What every batch of a shard carries beside its trades.
 *
 * `epoch` is when its writer started (epoch milliseconds); `sequence` counts from 1 without gaps within shard
 * and epoch; all trades before `watermarkMs` have been sent, as far as the feed lets one know;
 * `watermarkBeforeMs` is that of the shard's batch before this one, 0 if nothing was known of the shard, absent
 * in logs written before 2026-11-28; `ingestTimeMs` is the writer's wall clock when the batch was made. A feed
 * that shows a market from time to time, and tells no trades, says so in each of its clean batches: `sampled`.
 * `backfilled` names where trades were fetched from that the feed did not bring: a recording, a vendor's
 * history.
 */
export interface BatchHeader {
  readonly shard: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly watermarkMs: number;
  readonly watermarkBeforeMs?: number | undefined;
  readonly ingestTimeMs: number;
  readonly sampled?: true | undefined;
  readonly backfilled?: string | undefined;
  readonly traceparent?: string | undefined;
}

/**
 * Reads the header from a CloudEvent's attributes.
 *
 * @throws {z.ZodError} Naming every extension that is missing or malformed.
 */
export function parseBatchHeader(attributes: Readonly<Record<string, unknown>>): BatchHeader {
  const { watermark, watermarkbefore, ingesttime, sampled, ...rest } = BatchExtensions.parse(attributes);
  return {
    ...rest,
    watermarkMs: watermark,
    ...(watermarkbefore === undefined ? {} : { watermarkBeforeMs: watermarkbefore }),
    ingestTimeMs: ingesttime,
    ...(sampled === undefined ? {} : { sampled: true }),
  };
}

/** The header as CloudEvent extensions; {@link parseBatchHeader} is the inverse. */
export function formatBatchHeader(header: BatchHeader): Readonly<Record<string, string>> {
  return {
    partitionkey: header.shard,
    shard: header.shard,
    epoch: String(header.epoch),
    sequence: String(header.sequence),
    watermark: String(header.watermarkMs),
    ...(header.watermarkBeforeMs === undefined ? {} : { watermarkbefore: String(header.watermarkBeforeMs) }),
    ingesttime: String(header.ingestTimeMs),
    ...(header.sampled === undefined ? {} : { sampled: 'true' }),
    ...(header.backfilled === undefined ? {} : { backfilled: header.backfilled }),
    ...(header.traceparent === undefined ? {} : { traceparent: header.traceparent }),
  };
}

/** The id of a batch's event, `<epoch>:<shard>:<sequence>`. */
export function batchId({ epoch, shard, sequence }: BatchHeader): string {
  return `${epoch}:${shard}:${sequence}`;
}

/** The CloudEvent source of a shard's feed, `/feeds/finnhub`. */
export function feedSource(shard: string): string {
  return `/feeds/${feedOfShard(shard)}`;
}
