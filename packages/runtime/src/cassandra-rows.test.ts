import { expect, test } from 'vitest';
import { z } from 'zod';
import { parseRows, timestampMs } from './cassandra-rows.ts';
import { RetryableError } from './errors.ts';

const RowSchema = z.object({ start: timestampMs, volume_e8: z.bigint() });

test('parseRows() reads every row by its schema, timestamps as milliseconds', () => {
  const rows = [{ start: new Date(5), volume_e8: 7n, more: 1 }];
  expect(parseRows(RowSchema, rows, 'read candles')).toEqual([{ start: 5, volume_e8: 7n }]);
  expect(parseRows(RowSchema, [], 'read candles')).toEqual([]);
});

test.each([
  ['a column is missing', { start: new Date(5) }, 'volume_e8'],
  ['a column is null', { start: null, volume_e8: 7n }, 'start'],
  ['a column has another type', { start: new Date(5), volume_e8: 7 }, 'volume_e8'],
])('parseRows() asks to be tried again and names the column, when %s', (_, row, column) => {
  expect(() => parseRows(RowSchema, [row], 'read candles')).toThrow(RetryableError);
  expect(() => parseRows(RowSchema, [row], 'read candles')).toThrow(column);
});
