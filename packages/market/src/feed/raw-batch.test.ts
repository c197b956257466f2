import { batchHeaders } from '@kandle/testkit/headers';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { formatBatchHeader, parseBatchHeader } from '../event/batch-header.ts';
import { formatRawBatch, parseRawBatch, type RawBatch } from './raw-batch.ts';

const records = fc.record({
  id: fc.string({ minLength: 1, maxLength: 128, unit: 'grapheme-ascii' }),
  record: fc.dictionary(
    fc.constantFrom('s', 'p', 't', 'v', 'c', 'x'),
    fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant(9e-5),
      fc.constant(null),
      fc.array(fc.constantFrom('1', '8')),
    ),
    { noNullPrototype: true },
  ),
});

const rawBatches: fc.Arbitrary<RawBatch> = fc
  .tuple(
    batchHeaders,
    fc.constantFrom({}, { format: 'finnhub' as const }),
    fc.array(records, { maxLength: 5 }),
  )
  .map(([header, format, records]) => ({ ...header, ...format, records }));

test('parseRawBatch() gives the batch back, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(rawBatches, (batch) => {
      const event = formatRawBatch(batch);
      expect(parseRawBatch(event.extensions, JSON.parse(JSON.stringify(event.data)))).toEqual(batch);
    }),
  );
});

test('formatRawBatch() makes the event of the contract, when the batch is any', () => {
  fc.assert(
    fc.property(rawBatches, ({ records, format, ...header }) => {
      expect(formatRawBatch({ records, format, ...header })).toEqual({
        id: `${header.epoch}:${header.shard}:${header.sequence}`,
        source: `/feeds/${header.shard.slice(0, -3)}`,
        type: 'io.kandle.trades.raw.v1',
        key: header.shard,
        extensions: formatBatchHeader(header),
        data: format === undefined ? { records } : { format, records },
      });
    }),
  );
});

const EXTENSIONS = formatBatchHeader(
  parseBatchHeader({ shard: 'finnhub-03', epoch: '1', sequence: '1', watermark: '0', ingesttime: '0' }),
);
const RECORD = { id: 'a', record: { s: 'AAPL' } };

test('parseRawBatch() takes a record as it came, when it would be no trade', () => {
  const data = { records: [{ id: 'a', record: {} }] };
  expect(parseRawBatch(EXTENSIONS, data).records).toEqual(data.records);
});

test.each<[string, unknown]>([
  ['is null', null],
  ['is undefined', undefined],
  ['is an array', []],
  ['is text', 'records'],
  ['has no records', {}],
  ['has records that are no array', { records: RECORD }],
  ['has a record without an id', { records: [{ record: {} }] }],
  ['has a record with an empty id', { records: [{ ...RECORD, id: '' }] }],
  ['has a record with an id of 129 characters', { records: [{ ...RECORD, id: 'x'.repeat(129) }] }],
  ['has a record with a number for an id', { records: [{ ...RECORD, id: 1 }] }],
  ['has a record without its record', { records: [{ id: 'a' }] }],
  ['has a record that is null', { records: [{ id: 'a', record: null }] }],
  ['has a record that is an array', { records: [{ id: 'a', record: [] }] }],
  ['is of a vendor whose records nobody can read', { format: 'nobody', records: [] }],
  ['has 10,001 records', { records: Array.from({ length: 10_001 }, () => RECORD) }],
])('parseRawBatch() refuses, when the data %s', (_, data) => {
  expect(() => parseRawBatch(EXTENSIONS, data)).toThrow(z.ZodError);
});

test('parseRawBatch() takes 10,000 records and refuses a malformed header, when the data is good', () => {
  const data = { records: Array.from({ length: 10_000 }, () => RECORD) };
  expect(parseRawBatch(EXTENSIONS, data).records).toHaveLength(10_000);
  expect(() => parseRawBatch({ ...EXTENSIONS, epoch: 'x' }, data)).toThrow(z.ZodError);
});
