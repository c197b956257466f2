import { e8 } from '../number/fixed-point.ts';
import { batchHeaders } from '@kandle/testkit/headers';
import { trades } from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { formatBatchHeader, parseBatchHeader } from '../event/batch-header.ts';
import { formatTradeBatch, parseTradeBatch, type TradeBatch } from './trade-batch.ts';

const tradeBatches: fc.Arbitrary<TradeBatch> = fc
  .tuple(batchHeaders, fc.array(trades, { maxLength: 10 }))
  .map(([header, trades]) => ({ ...header, trades }));

test('parseTradeBatch() gives the batch back in its order, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(tradeBatches, (batch) => {
      const event = formatTradeBatch(batch);
      expect(parseTradeBatch(event.extensions, JSON.parse(JSON.stringify(event.data)))).toEqual(batch);
    }),
  );
});

const HEADER = parseBatchHeader({
  shard: 'finnhub-03',
  epoch: '1',
  sequence: '17',
  watermark: '0',
  ingesttime: '0',
});
const EXTENSIONS = formatBatchHeader(HEADER);

test('formatTradeBatch() names each symbol once and keeps large numbers whole, when trades share a symbol', () => {
  const trade = { id: 'a', symbol: 'AAPL', eventTimeMs: 5, priceE8: e8(1n), sizeE8: e8(2n ** 60n) };
  expect(
    formatTradeBatch({
      ...HEADER,
      trades: [trade, { ...trade, symbol: 'MSFT', id: 'b' }, { ...trade, id: 'c' }],
    }),
  ).toEqual({
    id: '1:finnhub-03:17',
    source: '/feeds/finnhub',
    type: 'io.kandle.trades.v1',
    key: 'finnhub-03',
    extensions: EXTENSIONS,
    data: {
      symbols: ['AAPL', 'MSFT'],
      symbol: [0, 1, 0],
      eventTimeMs: [5, 5, 5],
      priceE8: [1, 1, 1],
      sizeE8: ['1152921504606846976', '1152921504606846976', '1152921504606846976'],
      id: ['a', 'b', 'c'],
    },
  });
});

const GOOD = {
  symbols: ['AAPL'],
  symbol: [0, 0],
  eventTimeMs: [5, 6],
  priceE8: [1, '2'],
  sizeE8: [1, 1],
  id: ['a', 'b'],
};

test('parseTradeBatch() takes a batch, when numbers come as numbers or as texts', () => {
  expect(parseTradeBatch(EXTENSIONS, GOOD).trades.map(({ priceE8 }) => priceE8)).toEqual([1n, 2n]);
});

test.each<[string, unknown]>([
  ['is null', null],
  ['is an array', []],
  ['has no column of symbols', { ...GOOD, symbols: undefined }],
  ['has no column of ids', { ...GOOD, id: undefined }],
  ['has a negative place', { ...GOOD, symbol: [0, -1] }],
  ['has a broken place', { ...GOOD, symbol: [0, 0.5] }],
  ['has a place that is text', { ...GOOD, symbol: [0, '0'] }],
  ['has a negative time', { ...GOOD, eventTimeMs: [5, -6] }],
  ['has a broken time', { ...GOOD, eventTimeMs: [5, 6.5] }],
  ['has a time that is text', { ...GOOD, eventTimeMs: [5, '6'] }],
  ['has a time beyond safe integers', { ...GOOD, eventTimeMs: [5, 2 ** 53] }],
  ['has a price that is null', { ...GOOD, priceE8: [1, null] }],
  ['has an infinite price', { ...GOOD, priceE8: [1, Number.POSITIVE_INFINITY] }],
  ['has a size that is a flag', { ...GOOD, sizeE8: [1, true] }],
  ['has an empty id', { ...GOOD, id: ['a', ''] }],
  ['has an id of 129 characters', { ...GOOD, id: ['a', 'x'.repeat(129)] }],
  ['has 10,001 symbols', { ...GOOD, symbols: Array.from({ length: 10_001 }, () => 'A') }],
  ['has 10,001 trades', { ...GOOD, symbol: Array.from({ length: 10_001 }, () => 0) }],
])('parseTradeBatch() throws a ZodError, when the data %s', (_, data) => {
  expect(() => parseTradeBatch(EXTENSIONS, data)).toThrow(z.ZodError);
});

test.each<[string, unknown, string]>([
  ['has a time too few', { ...GOOD, eventTimeMs: [5] }, 'columns differ in length'],
  ['has a price too many', { ...GOOD, priceE8: [1, 2, 3] }, 'columns differ in length'],
  ['has a size too few', { ...GOOD, sizeE8: [1] }, 'columns differ in length'],
  ['has an id too many', { ...GOOD, id: ['a', 'b', 'c'] }, 'columns differ in length'],
  ['has a malformed symbol', { ...GOOD, symbols: ['AAPL', 'AAPL\n'] }, 'a symbol is malformed'],
  ['has a place without a symbol', { ...GOOD, symbol: [0, 1] }, 'trade 1 has no symbol'],
  ['has a size of 0', { ...GOOD, sizeE8: [1, 0] }, 'trade 1 has a size of 0 or less'],
  ['has a negative size', { ...GOOD, sizeE8: ['-1', 1] }, 'trade 0 has a size of 0 or less'],
  ['has a broken price', { ...GOOD, priceE8: [1, 1.5] }, 'neither a safe integer nor its decimal text'],
  [
    'has a size that is no integer',
    { ...GOOD, sizeE8: [1, '1.5'] },
    'neither a safe integer nor its decimal text',
  ],
])('parseTradeBatch() throws a RangeError, when the data %s', (_, data, message) => {
  expect(() => parseTradeBatch(EXTENSIONS, data)).toThrow(RangeError);
  expect(() => parseTradeBatch(EXTENSIONS, data)).toThrow(message);
});

test('parseTradeBatch() refuses a malformed header, when the data is good', () => {
  expect(() => parseTradeBatch({ ...EXTENSIONS, sequence: '-1' }, GOOD)).toThrow(z.ZodError);
});
