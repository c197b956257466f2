import { batchHeaders } from '@kandle/testkit/headers';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { batchId, feedSource, formatBatchHeader, parseBatchHeader } from './batch-header.ts';
import { checkedFeedOf, shardOf } from './shard.ts';

const EXTENSIONS: Readonly<Record<string, string>> = {
  partitionkey: 'finnhub-03',
  shard: 'finnhub-03',
  epoch: '1764000000000',
  sequence: '17',
  watermark: '1764000001500',
  watermarkbefore: '1764000001000',
  ingesttime: '1764000002000',
};

/** The names of the extensions that a parser complains of. */
function faultsOf(attributes: Readonly<Record<string, unknown>>): readonly string[] {
  try {
    parseBatchHeader(attributes);
    return [];
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return [...new Set(error.issues.map((issue) => issue.path.join('.')))];
  }
}

test('parseBatchHeader() is the inverse of formatBatchHeader(), when other attributes stand beside it', () => {
  fc.assert(
    fc.property(batchHeaders, (header) => {
      const attributes = { ...formatBatchHeader(header), id: 'x', knativekafkaoffset: '5', time: 'now' };
      expect(parseBatchHeader(attributes)).toEqual(header);
    }),
  );
});

test('formatBatchHeader() gives names and values that CloudEvents take, when the header is any', () => {
  fc.assert(
    fc.property(batchHeaders, (header) => {
      const extensions = formatBatchHeader(header);
      for (const [name, value] of Object.entries(extensions)) {
        expect(name).toMatch(/^[a-z0-9]{1,20}$/);
        expect(value).toBeTypeOf('string');
      }
      expect(extensions['partitionkey']).toBe(header.shard);
      expect('traceparent' in extensions).toBe(header.traceparent !== undefined);
    }),
  );
});

test('parseBatchHeader() compares as numbers, when the extensions arrive as strings', () => {
  expect(parseBatchHeader(EXTENSIONS)).toEqual({
    shard: 'finnhub-03',
    epoch: 1_764_000_000_000,
    sequence: 17,
    watermarkMs: 1_764_000_001_500,
    watermarkBeforeMs: 1_764_000_001_000,
    ingestTimeMs: 1_764_000_002_000,
  });
});

test('parseBatchHeader() names every extension, when all are missing', () => {
  expect(faultsOf({})).toEqual(['shard', 'epoch', 'sequence', 'watermark', 'ingesttime']);
});

test.each(['epoch', 'sequence', 'watermark', 'ingesttime'])(
  'parseBatchHeader() refuses, when %s is no whole number of at most 15 digits',
  (name) => {
    for (const value of [
      '',
      ' 1',
      '1\n',
      '-1',
      '+1',
      '1.5',
      '1e3',
      '0x1',
      'NaN',
      '1'.repeat(16),
      17,
      null,
      undefined,
    ]) {
      expect(faultsOf({ ...EXTENSIONS, [name]: value })).toEqual([name]);
    }
  },
);

test.each([
  '',
  'finnhub',
  'finnhub-3',
  'finnhub-003',
  'Finnhub-03',
  '-03',
  '3a-03',
  'finnhub-03\n',
  'fin hub-03',
  "f';-03",
  `${'f'.repeat(32)}-03`,
  3,
  null,
])('parseBatchHeader() refuses, when the shard is %j', (shard) => {
  expect(faultsOf({ ...EXTENSIONS, shard })).toEqual(['shard']);
});

test.each([17, null, 'x'.repeat(65)])(
  'parseBatchHeader() refuses, when the trace parent is %j',
  (traceparent) => {
    expect(faultsOf({ ...EXTENSIONS, traceparent })).toEqual(['traceparent']);
  },
);

test('batchId() and feedSource() give the texts of their documentation, when the header is that of the example', () => {
  expect(batchId(parseBatchHeader(EXTENSIONS))).toBe('1764000000000:finnhub-03:17');
  expect(feedSource('finnhub-03')).toBe('/feeds/finnhub');
  expect(feedSource('finnhub-b-03')).toBe('/feeds/finnhub-b');
});

test('checkedFeedOf() takes exactly the shards that parseBatchHeader() takes, when the name is any', () => {
  const names = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'z', '0', '-', 'A', '_', ' '), maxLength: 4 }),
    fc.constantFrom('a'.repeat(31), 'a'.repeat(32), 'finnhub\n'),
  );
  fc.assert(
    fc.property(names, (name) => {
      const shard = shardOf(name, 'AAPL', 12);
      if (faultsOf({ ...EXTENSIONS, shard }).length === 0) expect(checkedFeedOf(shard)).toBe(name);
      else expect(() => checkedFeedOf(shard)).toThrow(RangeError);
    }),
  );
});
