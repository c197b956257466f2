import { expect, test } from 'vitest';
import { z } from 'zod';
import { column, jsonColumn, parseRow, parseRows } from './cassandra-rows.ts';
import { RetryableError } from './errors.ts';

const RowSchema = z.object({
  version: column.int,
  start: column.timestamp,
  volume_e8: column.varint,
  reason: column.optionalText,
  pending: column.optionalInt,
  points: jsonColumn(z.object({ b: z.number(), a: z.number() })),
});
const GOOD = {
  version: 3,
  start: new Date(1_700_000_000_123),
  volume_e8: 123_456_789_012_345_678_901n,
  reason: null,
  pending: null,
  points: '{"a":1,"b":0.30000000000000004,"c":2}',
};

test('parseRow() gives the columns as our types, times in milliseconds, and JSON in the order of its bytes', () => {
  const row = parseRow(RowSchema, { ...GOOD, more: 1 }, 'read a thing');
  expect(row).toEqual({
    version: 3,
    start: 1_700_000_000_123,
    volume_e8: 123_456_789_012_345_678_901n,
    reason: '',
    pending: 0,
    points: { a: 1, b: 0.1 + 0.2, c: 2 },
  });
  expect(JSON.stringify(row.points)).toBe(GOOD.points);
});

test('parseRows() reads every row', () => {
  expect(
    parseRows(RowSchema, [GOOD, { ...GOOD, version: 4 }], 'read things').map((row) => row.version),
  ).toEqual([3, 4]);
  expect(parseRows(RowSchema, [], 'read things')).toEqual([]);
});

test.each([
  ['version', undefined],
  ['version', null],
  ['version', 1.5],
  ['start', 1_700_000_000_123],
  ['start', new Date(Number.NaN)],
  ['volume_e8', 5],
  ['reason', 5],
  ['pending', '5'],
  ['points', '{"a":1}'],
  ['points', '{"a":'],
])('parseRow() asks to be tried again and names the column %s, when it holds %j', (name, value) => {
  let thrown: unknown;
  try {
    parseRow(RowSchema, { ...GOOD, [name]: value }, 'read a thing');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(RetryableError);
  expect(thrown).toMatchObject({ facts: { columns: name } });
  expect(String(thrown)).toContain(`Cannot read a thing: a row is not as expected`);
  expect(String(thrown)).toContain(name);
});
