import { naiveCandle } from '@kandle/testkit/naive-candle';
import { batches, keyedTrades, trades } from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Candle, mergeCandles } from './candle.ts';
import { columnsOf } from '../trade/trade-batch.ts';
import { foldColumns, foldTrades } from './fold.ts';

const batch = fc.record({
  epoch: fc.integer({ min: 1, max: 2 }),
  sequence: fc.integer({ min: 1, max: 3 }),
  trades: fc.array(trades, { maxLength: 30 }),
});

/** Candles by window and symbol, as one flat object that compares well. */
function flat(folded: ReturnType<typeof foldTrades>): Record<string, Candle> {
  return Object.fromEntries(
    [...folded].flatMap(([windowStartMs, symbols]) =>
      [...symbols].map(([symbol, candle]) => [`${windowStartMs}/${symbol}`, candle]),
    ),
  );
}

test.each([undefined, 1_000])(
  'foldTrades() agrees with the naive candle of each group, when the window is %s ms',
  (windowMs) => {
    fc.assert(
      fc.property(batch, (one) => {
        const groups = Map.groupBy(
          keyedTrades([one]),
          ({ trade }) => `${trade.eventTimeMs - (trade.eventTimeMs % (windowMs ?? 5_000))}/${trade.symbol}`,
        );
        const model = Object.fromEntries(
          [...groups].map(([name, group]) => [name, naiveCandle(group, windowMs)]),
        );
        expect(flat(foldTrades(one.trades, one, windowMs))).toEqual(model);
      }),
    );
  },
);

test('foldTrades() of several batches merges to the fold of all, when they come in any order', () => {
  fc.assert(
    fc.property(batches, (some) => {
      const merged = new Map<string, Candle>();
      for (const one of some) {
        for (const [name, candle] of Object.entries(flat(foldTrades(one.trades, one)))) {
          const known = merged.get(name);
          merged.set(name, known === undefined ? candle : mergeCandles(known, candle));
        }
      }
      const groups = Map.groupBy(
        keyedTrades(some),
        ({ trade }) => `${trade.eventTimeMs - (trade.eventTimeMs % 5_000)}/${trade.symbol}`,
      );
      const model = new Map([...groups].map(([name, group]) => [name, naiveCandle(group)]));
      expect(merged).toEqual(model);
    }),
  );
});

test('foldTrades() is empty, when the batch is', () => {
  expect(foldTrades([], { epoch: 1, sequence: 1 }).size).toBe(0);
});

test('foldColumns() makes one candle of a symbol, when it stands in the columns twice', () => {
  fc.assert(
    fc.property(batch, (one) => {
      const columns = columnsOf(one.trades);
      const count = columns.symbols.length;
      const twice = {
        ...columns,
        symbols: [...columns.symbols, ...columns.symbols],
        symbol: columns.symbol.map((place, index) => (index % 2 === 0 ? place : place + count)),
      };
      expect(flat(foldColumns(twice, one))).toEqual(flat(foldTrades(one.trades, one)));
    }),
  );
});
