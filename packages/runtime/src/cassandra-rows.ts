import { z } from 'zod';
import { RetryableError } from './errors.ts';

/** A column of type `timestamp` as milliseconds. */
export const timestampMs = z.date().transform((date) => date.getTime());

/** A column of type `double` that older rows lack: null in them. */
export const nullableDouble = z.number().nullable();

/**
 * Rows of Cassandra, each as a schema reads it.
 *
 * @param action What the rows were read for: `read candles`.
 * @throws {RetryableError} Naming the column that is not as expected. The tables are then not those that this code
 *   knows: wrong for a while, and no reason to give an event up.
 */
export function parseRows<T>(schema: z.ZodType<T>, rows: Iterable<unknown>, action: string): readonly T[] {
  return Array.from(rows, (row) => {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const message = `Cannot ${action}: a row is not as expected: ${z.prettifyError(parsed.error)}`;
    throw new RetryableError(message, { cause: parsed.error });
  });
}
