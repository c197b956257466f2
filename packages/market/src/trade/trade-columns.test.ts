import { almost } from '@kandle/testkit/almost';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnsOf, TradeColumnsSchema } from './trade-batch.ts';
import { readTradeColumns } from './trade-columns.ts';
import { trades } from '@kandle/testkit/trades';

/**
 * Columns of trades, and what is nearly that: values, columns and the whole replaced by whatever JSON can hold.
 */
const data = fc.array(trades, { maxLength: 4 }).chain((some) => almost(columnsOf(some)));

test('readTradeColumns() takes what the schema takes, with the same value, when the data are any JSON', () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(data, (one) => {
      const parsed = TradeColumnsSchema.safeParse(one);
      seen[parsed.success ? 'taken' : 'refused'] += 1;
      expect(readTradeColumns(one)).toEqual(parsed.success ? parsed.data : null);
    }),
    { numRuns: 2_000 },
  );
  // A generator that makes nothing but good or bad ones would show nothing.
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(200);
});

test.each([10_000, 10_001])(
  'readTradeColumns() agrees with the schema, when there are %d trades',
  (count) => {
    const one = { id: 'a', symbol: 'A', eventTimeMs: 1, priceE8: 1, sizeE8: 1 };
    const columns = {
      symbols: ['A'],
      symbol: Array.from({ length: count }, () => 0),
      eventTimeMs: [one.eventTimeMs],
      priceE8: [],
      sizeE8: [],
      id: ['x'.repeat(128)],
    };
    expect(readTradeColumns(columns) === null).toBe(!TradeColumnsSchema.safeParse(columns).success);
    const symbols = Array.from({ length: count }, () => 'A');
    expect(readTradeColumns({ ...columns, symbol: [], symbols }) === null).toBe(count > 10_000);
  },
);
