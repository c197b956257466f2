import { column } from '@kandle/runtime/cassandra-rows';
import { z } from 'zod';

const rank = z.literal([0, 1, 2, 3]).nullable();

/** A candle as it is answered; times are epoch milliseconds. Numbers are null only in a filled one. */
export const CandleRowSchema = z.object({
  start: column.timestamp,
  open: column.double.nullable(),
  high: column.double.nullable(),
  low: column.double.nullable(),
  close: column.double.nullable(),
  volume: column.double.nullable(),
  vwap: column.average.nullable().transform((value) => (Number.isNaN(value) ? null : value)),
  mean_price: column.double.nullable(),
  trade_count: z.number(),
  state: z.string(),
  version: z.number(),
  revision: z.number(),
  reason: z.string().nullable(),
  /** Null in rows from before the column. */
  complete: z.boolean().nullable(),
  /** True of a feed that shows prices and tells no trades: then `vwap` is null. Null as with `complete`. */
  sampled: z.boolean().nullable(),
  /** Of what rank its prices are; null as with `complete`, or before conditions counted: 0. */
  price_rank: rank.transform((value) => value ?? 0),
});
export type CandleRow = z.infer<typeof CandleRowSchema> & { readonly filled?: true };

/** The columns of a candle, in the order in which they are read and answered. */
export const CANDLE_COLUMNS: readonly string[] = Object.keys(CandleRowSchema.shape);

export const TradeRowSchema = z.object({
  time: column.timestamp,
  id: z.string(),
  price: z.number(),
  size: z.number(),
  /** The vendor's codes, with commas; null if it has none. */
  conditions: z.string().nullable(),
  /** What they leave its price to count for. */
  price_rank: rank.transform((value) => value ?? 0),
  /** Where it was fetched afterwards: `recording`, `finnhub`; null if the feed brought it. */
  backfilled: z.string().nullable(),
});
export type TradeRow = z.infer<typeof TradeRowSchema>;

/** The columns of a trade, in the order in which they are read and answered. */
export const TRADE_COLUMNS: readonly string[] = Object.keys(TradeRowSchema.shape);

export const IndicatorRowSchema = z.object({
  start: column.timestamp,
  value: z.number(),
  version: z.number(),
});
export type IndicatorRow = z.infer<typeof IndicatorRowSchema>;

export const SignalRowSchema = z.object({
  start: column.timestamp,
  symbol: z.string(),
  rule: z.string(),
  side: z.string(),
  strength: z.number(),
  text: z.string(),
  state: z.string(),
  caused_at: column.timestamp,
  version: z.number(),
});
export type SignalRow = z.infer<typeof SignalRowSchema>;

export const GapRowSchema = z.object({
  from_time: column.timestamp,
  to_time: column.timestamp,
  shard: z.string(),
  reason: z.string(),
  dropped_records: z.bigint().transform(Number),
  /** What a backfill made of it; null where none has looked. */
  backfill_state: z.string().nullable(),
  backfill_source: z.string().nullable(),
  backfill_note: z.string().nullable(),
});
export type GapRow = z.infer<typeof GapRowSchema>;

/** An instrument while it has a ticker; `valid_to` is null while it still has it. */
export const InstrumentRowSchema = z.object({
  feed: z.string(),
  symbol: z.string(),
  description: z.string(),
  market: z.string(),
  currency: z.string(),
  type: z.string(),
  status: z.string(),
  valid_from: column.timestamp,
  valid_to: column.timestamp.nullable(),
  id: z.string(),
  figi: z.string(),
  isin: z.string(),
  list: z.string(),
  absences: z.number(),
  changed_at: column.timestamp,
});
export type InstrumentRow = z.infer<typeof InstrumentRowSchema>;

/** How the newest refresh of a vendor's list ended. */
export const InstrumentListRowSchema = z.object({
  feed: z.string(),
  list: z.string(),
  tried_at: column.timestamp,
  taken_at: column.timestamp.nullable(),
  refusal: z.string(),
  active: z.number(),
});
export type InstrumentListRow = z.infer<typeof InstrumentListRowSchema>;

export const SymbolRowSchema = z.object({
  feed: z.string(),
  symbol: z.string(),
  time: column.timestamp,
  price: z.number(),
  size: z.number(),
});
export type SymbolRow = z.infer<typeof SymbolRowSchema>;
