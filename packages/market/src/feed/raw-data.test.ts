import { almost } from '@kandle/testkit/almost';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RawBatchSchema } from './raw-batch.ts';
import { readRawData } from './raw-data.ts';

const records = fc.array(
  fc.record(
    {
      id: fc.string({ minLength: 1, maxLength: 128 }),
      record: fc.record({
        s: fc.string(),
        p: fc.double({ noNaN: true, noDefaultInfinity: true }),
        c: fc.constant(null),
      }),
      delayMs: fc.nat(),
    },
    { requiredKeys: ['id', 'record'] },
  ),
  { maxLength: 4 },
);

/** A raw batch, and what is nearly that: parts of it replaced by whatever JSON can hold. */
const data = fc
  .record(
    {
      format: fc.constantFrom('finnhub', 'nobody', ''),
      rules: fc.constantFrom<unknown[]>(
        'all',
        'us-tape',
        'us-tape-2',
        { highLow: ['9'], volume: ['12', 'I'], nothing: [] },
        { highLow: ['9'], volume: ['12', ''], nothing: [] },
        { highLow: ['9'], volume: ['12'] },
      ),
      records,
    },
    { requiredKeys: ['records'] },
  )
  .chain(almost);

test('readRawData() takes what the schema takes, with the same value, when the data are any JSON', () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(data, (one) => {
      const parsed = RawBatchSchema.safeParse(one);
      seen[parsed.success ? 'taken' : 'refused'] += 1;
      const read = readRawData(one);
      if (!parsed.success) expect(read).toBeNull();
      // What else stands beside a record is left where it is.
      else {
        expect(read?.format).toBe(parsed.data.format);
        expect(read?.rules).toEqual(parsed.data.rules);
        expect(read?.records.map(({ id, record, delayMs }) => ({ id, record, delayMs }))).toEqual(
          parsed.data.records.map(({ id, record, delayMs }) => ({ id, record, delayMs })),
        );
      }
    }),
    { numRuns: 2_000 },
  );
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(200);
});

test.each([10_000, 10_001])('readRawData() agrees with the schema, when there are %d records', (count) => {
  const many = { records: Array.from({ length: count }, () => ({ id: 'x'.repeat(128), record: {} })) };
  expect(readRawData(many) === null).toBe(!RawBatchSchema.safeParse(many).success);
});
