import { RetryableError } from '@kandle/runtime/errors';
import { types } from 'cassandra-driver';
import { z } from 'zod';
import type { Cell } from '../values/columns.ts';
import type { Gap } from './raw-batch.ts';

/*
 * The rows of the tables as the driver answers them. What a hand may have damaged is allowed to be null here:
 * to say so is the comparison's part.
 */

const time = z.date().transform((date) => date.getTime());
const integer = z.int().nullable();
const big = z.bigint().nullable();
const text = z.string().nullable();
/** A number that a hand may have taken away: what is no number is like no other. */
const amount = z
  .custom<number | null>((value) => value === null || typeof value === 'number')
  .transform((value) => value ?? Number.NaN);

/**
 * A row of `windows`. A window is one row, its symbols in one text; one of before that text is a row for each
 * symbol, and a window without symbols one of null.
 */
export const WindowRowSchema = z.object({
  symbol: text,
  version: integer,
  final_version: integer,
  incomplete_version: integer,
  applied: text,
  min_offset: big,
  symbols: text,
  row_version: integer,
  revision: integer,
  reason: text,
  first_key: text,
  last_key: text,
  open_e8: big,
  high_e8: big,
  low_e8: big,
  close_e8: big,
  volume_e8: big,
  notional_e16: big,
  price_sum_e8: big,
  trade_count: integer,
  id_hash_sum: big,
});

/** @see WindowRowSchema */
export type WindowRow = z.infer<typeof WindowRowSchema>;

/** The open windows of a row of `shards`. */
export const ShardRowSchema = z.object({
  open: text.transform((list) => (list ?? '').split(',').filter(Boolean).map(Number)),
});

/** A row of `trades`. */
export const TradeRowSchema = z.object({
  symbol: z.string(),
  time,
  id: z.string(),
  price: amount,
  size: amount,
  conditions: text,
  price_rank: integer,
  backfilled: text,
});

const cell = z.custom<Cell>(
  (value) => value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value),
);

/** A row of `candles_5s` or of a table of longer candles, whatever columns it has. */
export const ViewRowSchema = z.object({ symbol: z.string(), start: time, bucket: time }).catchall(cell);

/** A row of which only the symbol and the time are asked. */
export const TimeRowSchema = z.object({ symbol: z.string(), time });

/** The key of a partition of a view. */
export const PartitionRowSchema = z.object({ feed: z.string(), shard: z.string(), bucket: time });

/** A row of `rollup_pending`. */
export const PendingRowSchema = z.object({
  minute: time,
  feed: z.string(),
  // A JSON array where a symbol has a comma in it.
  symbols: z
    .string()
    .transform((list) =>
      list.startsWith('["') ? z.array(z.string()).parse(JSON.parse(list)) : list.split(','),
    ),
});

/** A row of `feed_gaps`. */
export const GapRowSchema = z.object({
  shard: z.string(),
  from_time: time,
  reason: z.string(),
  to_time: time,
  dropped_records: z
    .bigint()
    .nullable()
    .transform((count) => Number(count ?? 0n)),
  backfill_state: text,
  backfill_source: text,
  backfilled_trades: z.bigint().nullable(),
  backfill_left: text,
  backfill_note: text,
  backfilled_at: time.nullable(),
});

/** What a row of `feed_gaps` says of a backfill; a list that is none is nothing left. */
export function backfillOf(row: z.infer<typeof GapRowSchema>): Pick<Gap, 'backfill'> {
  if (row.backfill_state === null) return {};
  const left = LeftSchema.safeParse(jsonOf(row.backfill_left ?? ''));
  return {
    backfill: {
      source: row.backfill_source ?? '',
      atMs: row.backfilled_at ?? 0,
      state: row.backfill_state,
      trades: Number(row.backfilled_trades ?? 0n),
      left: left.data ?? [],
      note: row.backfill_note ?? '',
    },
  };
}

const LeftSchema = z.array(z.object({ symbol: z.string(), fromMs: z.number(), toMs: z.number() }));

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws {RetryableError} Naming what is not as the schema step made it. */
export function parseRow<T>(schema: z.ZodType<T>, row: types.Row, query: string): T {
  const columns = Object.fromEntries(row.keys().map((name) => [name, row.get(name) as unknown]));
  const parsed = schema.safeParse(columns);
  if (parsed.success) return parsed.data;
  throw new RetryableError(`Cannot read a row of "${query}": ${z.prettifyError(parsed.error)}`, {
    cause: parsed.error,
  });
}
