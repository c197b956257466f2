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
import { FORMAT_NAMES, type FormatName } from './format-name.ts';

/** A feed's record as it came, with the id that ingest gave it: only the connection knows which one it is. */
export interface RawRecord {
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
  /** How far its symbol is behind its shard, if it was recognised as delayed. */
  readonly delayMs?: number | undefined;
}

/** A batch of one shard's feed records, in the order in which they came. */
export interface RawBatch extends BatchHeader {
  /** Whose records they are; absent, they are Finnhub's. */
  readonly format?: FormatName | undefined;
  readonly records: readonly RawRecord[];
}

/** Upper bound of records in a batch; ingest makes far smaller ones. */
const MAX_RECORDS = 10_000;

const RawBatchData = z.object({
  format: z.enum(FORMAT_NAMES).optional(),
  records: z
    .array(
      z.object({
        id: z.string().min(1).max(128),
        record: z.record(z.string(), z.unknown()),
        delayMs: z.number().int().min(0).optional(),
      }),
    )
    .max(MAX_RECORDS),
});

/** The event of a raw batch, for `market.raw.v1`. */
export function formatRawBatch({ records, format, ...header }: RawBatch): MarketEvent {
  return {
    id: batchId(header),
    source: feedSource(header.shard),
    type: EVENT_TYPES.rawTrades,
    key: header.shard,
    extensions: formatBatchHeader(header),
    data: format === undefined ? { records } : { format, records },
  };
}

/**
 * Reads a raw batch from an event's attributes and its JSON data. Records are not judged here: transform does.
 *
 * @throws {z.ZodError} If the envelope or the shape of the batch is wrong.
 */
export function parseRawBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): RawBatch {
  return { ...parseBatchHeader(attributes), ...RawBatchData.parse(data) };
}
