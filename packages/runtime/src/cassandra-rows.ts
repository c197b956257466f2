import { z } from 'zod';
import { RetryableError } from './errors.ts';

/** What a column holds, by its type in Cassandra: the one place where the driver's values become ours. */
export const column = {
  text: z.string(),
  int: z.int(),
  bigint: z.bigint(),
  varint: z.bigint(),
  boolean: z.boolean(),
  double: z.number(),
  /** A double that is NaN where there is none: NULL would be a tombstone, and drawn as 0. */
  average: z.union([z.number(), z.nan()]),
  /** Epoch milliseconds. */
  timestamp: z.date().transform((date) => date.getTime()),
  /** A text, empty where the column is. */
  optionalText: z
    .string()
    .nullable()
    .transform((text) => text ?? ''),
  /** A number, 0 where the column is empty. */
  optionalInt: z
    .int()
    .nullable()
    .transform((value) => value ?? 0),
} as const;

/**
 * A row of Cassandra as a schema reads it.
 *
 * @param action What the row was read for: `read a window`.
 * @throws {RetryableError} Naming the columns that are not as expected. The tables are then not those that this
 *   code knows: wrong for a while, and no reason to give an event up.
 */
export function parseRow<T>(schema: z.ZodType<T>, row: unknown, action: string): T {
  const parsed = schema.safeParse(row);
  if (parsed.success) return parsed.data;
  const columns = [...new Set(parsed.error.issues.map(({ path }) => path.map(String).join('.')))].join(', ');
  const message = `Cannot ${action}: a row is not as expected: ${z.prettifyError(parsed.error)}`;
  throw new RetryableError(message, { cause: parsed.error, facts: { columns } });
}

/** Rows, each by {@link parseRow}. */
export function parseRows<T>(schema: z.ZodType<T>, rows: Iterable<unknown>, action: string): readonly T[] {
  return Array.from(rows, (row) => parseRow(schema, row, action));
}

/**
 * A text column that holds JSON, as a schema wants it.
 *
 * It is checked but left as it was written, for a schema would put its fields into another order, and what is
 * stored is compared by its bytes.
 */
export function jsonColumn<Value>(schema: z.ZodType<Value>): z.ZodType<Value, string> {
  return z.string().transform((text, context) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      value = undefined;
    }
    if (schema.safeParse(value).success) return value as Value;
    context.addIssue({ code: 'custom', message: 'expected JSON of a certain shape' });
    return z.NEVER;
  });
}
