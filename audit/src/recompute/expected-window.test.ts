import type { Rank } from './conditions.ts';
import { e8 } from '@kandle/market/number/fixed-point';
import { foldTrades } from '@kandle/market/candle/fold';
import { ABSENT_WINDOW, mergeBatch, type WindowState } from '@kandle/market/window/window-state';
import { formatTradeKey } from '@kandle/market/trade/trade';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { expectedWindow, type PlacedTrade } from './expected-window.ts';

const START = 1_764_000_000_000;

function trade(change: Partial<PlacedTrade>): PlacedTrade {
  return {
    id: 'a',
    symbol: 'AAPL',
    eventTimeMs: START,
    priceE8: 10n,
    sizeE8: 2n,
    isSampled: false,
    epoch: 1,
    sequence: 1,
    index: 0,
    ...change,
  };
}

test('expectedWindow() reads open and close off the sorted list, ties by arrival', () => {
  const { rows, applied } = expectedWindow([
    trade({ id: 'a', epoch: 1, sequence: 10, priceE8: 3n }),
    trade({ id: 'b', epoch: 1, sequence: 9, index: 1, priceE8: 2n }),
    trade({ id: 'c', epoch: 1, sequence: 9, index: 0, priceE8: 7n }),
    trade({ id: 'd', epoch: 2, sequence: 1, priceE8: 5n }),
  ]);
  expect(applied).toBe('1:9-10;2:1');
  expect(rows.get('AAPL')).toMatchObject({
    openE8: 7n,
    highE8: 7n,
    lowE8: 2n,
    closeE8: 5n,
    volumeE8: 8n,
    notionalE16: 34n,
    priceSumE8: 17n,
    tradeCount: 4,
    firstKey: `${START}:1:9:0`,
    lastKey: `${START}:2:1:0`,
  });
});

test('expectedWindow() counts an id once, where it came first, and names its batches', () => {
  const { rows, applied, repeatedIds } = expectedWindow([
    trade({ sequence: 3, index: 0 }),
    trade({ sequence: 2, index: 4 }),
    trade({ symbol: 'EUR/USD', sequence: 2, index: 5 }),
  ]);
  expect(rows.get('AAPL')).toMatchObject({ tradeCount: 1, firstKey: `${START}:1:2:4` });
  expect(rows.get('EUR/USD')).toMatchObject({ tradeCount: 1 });
  expect(repeatedIds).toEqual([{ id: 'a', symbol: 'AAPL', batches: ['1:2', '1:3'] }]);
  expect(applied).toBe('1:2-3');
});

test('expectedWindow() agrees with the code under audit, in any order of the batches', () => {
  const lists = fc.array(
    fc.record({
      symbol: fc.constantFrom('AAPL', 'EUR/USD'),
      eventTimeMs: fc.integer({ min: START, max: START + 3 }),
      priceE8: fc.bigInt({ min: 1n, max: 5n }),
      sizeE8: fc.bigInt({ min: 1n, max: 10n ** 20n }),
      rank: fc.constantFrom<Rank[]>(0, 0, 1, 2, 3),
    }),
    { minLength: 1, maxLength: 4 },
  );
  const batches = fc.array(lists, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(batches, fc.infiniteStream(fc.nat()), (some, chances) => {
      const placed = some.flatMap((list, n) =>
        list.map(
          (each, index): PlacedTrade => ({
            isSampled: false,
            ...each,
            id: `${n}.${index}`,
            epoch: 1 + (n % 2),
            sequence: n + 1,
            index,
          }),
        ),
      );
      const order = some.map((_, n) => n).toSorted(() => (chances.next().value % 2 === 0 ? 1 : -1));
      let window: WindowState = ABSENT_WINDOW;
      for (const n of order) {
        const trades = placed
          .filter(({ sequence }) => sequence === n + 1)
          .map((trade) => ({ ...trade, priceE8: e8(trade.priceE8), sizeE8: e8(trade.sizeE8) }));
        const position = { epoch: 1 + (n % 2), sequence: n + 1, offset: null };
        const candles = foldTrades(trades, position).get(START);
        if (candles !== undefined) window = mergeBatch(window, position, candles).next;
      }
      const { rows } = expectedWindow(placed);
      expect([...rows.keys()].toSorted()).toEqual([...window.rows.keys()].toSorted());
      for (const [symbol, { candle }] of window.rows) {
        const { windowStartMs, firstKey, lastKey, ...numbers } = candle;
        expect(rows.get(symbol)).toEqual({
          ...numbers,
          firstKey: formatTradeKey(firstKey),
          lastKey: formatTradeKey(lastKey),
          lastTradeMs: lastKey.eventTimeMs,
          isSampled: lastKey.rank === 3,
          rank: lastKey.rank ?? 0,
        });
        expect(windowStartMs).toBe(START);
      }
    }),
  );
});
