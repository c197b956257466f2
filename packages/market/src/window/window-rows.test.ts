import fc from 'fast-check';
import { expect, test } from 'vitest';
import { e16, e8 } from '../number/fixed-point.ts';
import { formatWindowRows, parseWindowRows } from './window-rows.ts';
import type { WindowRow } from './window-state.ts';

const W0 = 1_700_000_000_000;
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const amount = fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n });
const keys = fc.record(
  {
    eventTimeMs: fc.integer({ min: 0, max: 10 ** 14 }),
    epoch: fc.integer({ min: 0, max: 10 ** 14 }),
    sequence: fc.integer({ min: 0, max: 10 ** 14 }),
    index: fc.nat(),
    rank: fc.constantFrom<(1 | 2 | 3)[]>(1, 2, 3),
  },
  { requiredKeys: ['eventTimeMs', 'epoch', 'sequence', 'index'] },
);
const rows: fc.Arbitrary<readonly WindowRow[]> = fc.uniqueArray(
  fc.record({
    version: whole,
    revision: whole,
    reason: fc.option(fc.string({ minLength: 1 })),
    candle: fc.record({
      symbol: fc.string({ minLength: 1, unit: 'binary' }),
      windowStartMs: fc.constant(W0),
      firstKey: keys,
      lastKey: keys,
      openE8: amount.map(e8),
      highE8: amount.map(e8),
      lowE8: amount.map(e8),
      closeE8: amount.map(e8),
      volumeE8: amount.map(e8),
      notionalE16: amount.map(e16),
      priceSumE8: amount.map(e8),
      tradeCount: whole,
      idHashSum: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    }),
  }),
  { selector: ({ candle }) => candle.symbol },
);

test('parseWindowRows() gives back every row, when formatWindowRows() wrote them', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const window = new Map(list.map((row) => [row.candle.symbol, row]));
      expect(parseWindowRows(formatWindowRows(window), W0)).toEqual(window);
      // Of what it remembers of each row, too.
      expect(parseWindowRows(formatWindowRows(window), W0)).toEqual(window);
    }),
  );
});

test.each([
  '',
  'null',
  '[]',
  '{"format":1}',
  '{"format":2,"rows":[]}',
  '{"format":1,"rows":[["A",1]]}',
  '{"format":1,"rows":[["A",1,0,"","1:1:1:1","1:1:1:1","1","1","1","1","1","1.5","1",1,"1"]]}',
  '{"format":1,"rows":[["A",1,0,"","1:1:1","1:1:1:1","1","1","1","1","1","1","1",1,"1"]]}',
])('parseWindowRows() refuses %s', (text) => {
  expect(() => parseWindowRows(text, W0)).toThrow(RangeError);
});

test('parseWindowRows() refuses a symbol that stands twice', () => {
  const row = '["A",1,0,"","1:1:1:1","1:1:1:1","1","1","1","1","1","1","1",1,"1"]';
  expect(parseWindowRows(`{"format":1,"rows":[${row}]}`, W0).size).toBe(1);
  expect(() => parseWindowRows(`{"format":1,"rows":[${row},${row}]}`, W0)).toThrow(/A stands in them twice/);
});
