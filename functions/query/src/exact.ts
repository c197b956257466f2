import { readE8 } from '@kandle/market/number/fixed-point';
import { column } from '@kandle/runtime/cassandra-rows';
import { z } from 'zod';
import { CANDLE_COLUMNS, CandleRowSchema, type TradeRow } from './rows.ts';

/** A candle's stored sums; null in a row of before there were any. */
const SumsSchema = z.object({
  volume_e8: column.varint.transform(String).nullable(),
  notional_e16: column.varint.transform(String).nullable(),
  price_sum_e8: column.varint.transform(String).nullable(),
});

/** A candle with its numbers as integers beside the doubles, as decimal text. */
export const ExactCandleRowSchema = CandleRowSchema.extend(SumsSchema.shape).transform((row) => ({
  ...row,
  ...exactPrices(row),
  // Nobody knows at which prices the volume between two looks was traded.
  notional_e16: row.sampled === true ? null : row.notional_e16,
}));

/** What is read for {@link ExactCandleRowSchema}. */
export const EXACT_CANDLE_SELECTION: readonly string[] = [
  ...CANDLE_COLUMNS,
  ...Object.keys(SumsSchema.shape),
];

/** The columns that `exact=1` adds to a candle. */
export const EXACT_CANDLE_COLUMNS: readonly string[] = [
  'open_e8',
  'high_e8',
  'low_e8',
  'close_e8',
  ...Object.keys(SumsSchema.shape),
];

/** The columns that `exact=1` adds to a trade. */
export const EXACT_TRADE_COLUMNS: readonly string[] = ['price_e8', 'size_e8'];

interface Prices {
  readonly open: number | null;
  readonly high: number | null;
  readonly low: number | null;
  readonly close: number | null;
}

function exactPrices({ open, high, low, close }: Prices) {
  return { open_e8: textOf(open), high_e8: textOf(high), low_e8: textOf(low), close_e8: textOf(close) };
}

/** The integers of a candle without a trade, at a price or at none. */
export function exactEmpty(price: number | null) {
  const none = price === null ? null : '0';
  const prices = exactPrices({ open: price, high: price, low: price, close: price });
  return { ...prices, volume_e8: none, notional_e16: none, price_sum_e8: none };
}

/** A trade with its numbers as integers beside the doubles, as decimal text. */
export function exactTrade(trade: TradeRow) {
  return { ...trade, price_e8: textOf(trade.price), size_e8: textOf(trade.size) };
}

/** Exact, because what has more than eight decimals was refused: then a double stands for one integer. */
function textOf(value: number | null): string | null {
  return value === null ? null : (readE8(value)?.toString() ?? null);
}
