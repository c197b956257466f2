import { z } from 'zod';
import {
  type BatchHeader,
  batchId,
  feedSource,
  formatBatchHeader,
  parseBatchHeader,
} from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { CountingRulesSchema } from '../trade/counting-rules.ts';
import { FORMAT_NAMES } from './format-name.ts';
import { MAX_ID_LENGTH, MAX_RECORDS, type RawData, readRawData } from './raw-data.ts';

export type { RawRecord } from './raw-data.ts';

/** A batch of one shard's feed records, in the order in which they came. */
export interface RawBatch extends BatchHeader, RawData {}

/** What {@link readRawData} agrees with, and what says why a batch is refused. */
export const RawBatchSchema = z.object({
  format: z.enum(FORMAT_NAMES).optional(),
  rules: CountingRulesSchema.optional(),
  records: z
    .array(
      z.object({
        id: z.string().min(1).max(MAX_ID_LENGTH),
        record: z.record(z.string(), z.unknown()),
        delayMs: z.number().int().min(0).optional(),
      }),
    )
    .max(MAX_RECORDS),
});

/** The event of a raw batch, for `market.raw.v1`. */
export function formatRawBatch({ records, format, rules, ...header }: RawBatch): MarketEvent {
  return {
    id: batchId(header),
    source: feedSource(header.shard),
    type: EVENT_TYPES.rawTrades,
    key: header.shard,
    extensions: formatBatchHeader(header),
    data: {
      ...(format === undefined ? {} : { format }),
      ...(rules === undefined ? {} : { rules }),
      records,
    },
  };
}

/**
 * Reads a raw batch from an event's attributes and its JSON data. Records are not judged here: transform does.
 *
 * @throws {z.ZodError} If the envelope or the shape of the batch is wrong.
 */
export function parseRawBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): RawBatch {
  return { ...parseBatchHeader(attributes), ...(readRawData(data) ?? RawBatchSchema.parse(data)) };
}
