import type { Columns } from './columns.ts';

/** A row of candles to compare: of before `price_rank` was a column, or by a hand that left it out, it is 0. */
export function ranked(row: Columns): Columns {
  return { ...row, price_rank: row['price_rank'] ?? 0 };
}
