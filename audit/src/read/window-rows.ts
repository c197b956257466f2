import { z } from 'zod';
import type { Columns } from '../values/columns.ts';

/** One symbol in one window. */
export interface StoredRow {
  readonly symbol: string;
  readonly rowVersion: number;
  readonly revision: number;
  readonly reason: string;
  /** What can be recomputed from the trades. */
  readonly columns: Columns;
}

/**
 * The fields of a symbol in the column `symbols` of `windows`, in their order. Written down here a second time,
 * from the schema step that made the column; who reads and writes the windows is no witness of what they mean.
 */
const NUMBERS = [
  'open_e8',
  'high_e8',
  'low_e8',
  'close_e8',
  'volume_e8',
  'notional_e16',
  'price_sum_e8',
] as const;

const big = z
  .string()
  .regex(/^-?\d+$/)
  .transform(BigInt);
const FORMAT = 1;
const text = z.string();
// Symbol, versions, reason, keys; then NUMBERS; then the count of trades and the sum of their ids' hashes.
const SymbolSchema = z.tuple([
  text,
  z.int(),
  z.int(),
  text,
  text,
  text,
  big,
  big,
  big,
  big,
  big,
  big,
  big,
  z.int(),
  big,
]);
const ValueSchema = z.object({ format: z.literal(FORMAT), rows: z.array(SymbolSchema) });

/** The symbols of a window's text; null if it is damaged. */
export function readWindowRows(text: string): ReadonlyMap<string, StoredRow> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = ValueSchema.safeParse(value);
  if (!parsed.success) return null;
  return new Map(
    parsed.data.rows.map(([symbol, rowVersion, revision, reason, firstKey, lastKey, ...numbers]) => [
      symbol,
      {
        symbol,
        rowVersion,
        revision,
        reason,
        columns: {
          first_key: firstKey,
          last_key: lastKey,
          ...Object.fromEntries(
            [...NUMBERS, 'trade_count', 'id_hash_sum'].map((name, place) => [name, numbers[place] ?? null]),
          ),
        },
      },
    ]),
  );
}

/** The text of a window's symbols, for a repair. */
export function writeWindowRows(rows: ReadonlyMap<string, StoredRow>): string {
  const value = [...rows.values()].map(({ symbol, rowVersion, revision, reason, columns }) => [
    symbol,
    rowVersion,
    revision,
    reason,
    columns['first_key'],
    columns['last_key'],
    ...NUMBERS.map((name) => String(columns[name])),
    columns['trade_count'],
    String(columns['id_hash_sum']),
  ]);
  return JSON.stringify({ format: FORMAT, rows: value });
}
