import type { CandleBatch, CandleState } from '@kandle/market/candle/candle-batch';
import { e16, e8, toE8 } from '@kandle/market/number/fixed-point';
import { expect, test } from 'vitest';
import { createCandleBoard } from './candle-board.ts';

const T0 = 1_900_000_000_000;

interface Wishes {
  readonly version?: number;
  readonly close?: number;
  readonly trades?: number;
  readonly state?: CandleState;
}

function batch(
  symbol: string,
  window: number,
  { version = 1, close = 1.25, trades = 10, state = 'provisional' }: Wishes = {},
): CandleBatch {
  return {
    shard: 'sim-00',
    windowStartMs: T0 + window * 5_000,
    windowMs: 5_000,
    kind: state,
    version,
    candles: [
      {
        symbol,
        version,
        state,
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: T0 + window * 5_000,
        openE8: toE8(1),
        highE8: toE8(2),
        lowE8: toE8(0.5),
        closeE8: toE8(close),
        volumeE8: toE8(3),
        notionalE16: e16(1n),
        priceSumE8: e8(1n),
        tradeCount: trades,
      },
    ],
  };
}

test('shows the newest candle of a symbol, whatever order events come in', () => {
  const board = createCandleBoard(true);
  board.apply(batch('SIM:A', 1, { version: 3, close: 1.5 }), T0);
  board.apply(batch('SIM:A', 1, { version: 2, close: 1.4 }), T0);
  board.apply(batch('SIM:A', 0, { version: 9, close: 1.3 }), T0);
  expect(board.top(1, T0 + 7_000)).toMatchObject([
    {
      symbol: 'SIM:A',
      candle: { open: 1, high: 2, low: 0.5, close: 1.5, volume: 3 },
      priceDigits: 1,
      lagMs: 0,
      closes: [1.3, 1.5],
    },
  ]);
  expect(board.top(1, T0 + 12_000)[0]?.lagMs).toBe(2_000);
});

test('counts each final candle once, when events are repeated or revised', () => {
  const board = createCandleBoard(true);
  for (const state of ['provisional', 'final', 'final', 'revised'] as const) {
    board.apply(
      batch('SIM:A', 0, { state, version: state === 'revised' ? 8 : state === 'final' ? 7 : 1 }),
      T0,
    );
  }
  board.apply(batch('SIM:B', 0, { state: 'final' }), T0);
  expect(board.finalCandles()).toBe(2);
  expect(board.size()).toBe(2);
});

test('tells trades per second from how a candle grows, and they fade when nothing comes', () => {
  const board = createCandleBoard(true);
  for (let second = 0; second < 40; second++) {
    const within = second % 5;
    board.apply(
      batch('SIM:A', Math.floor(second / 5), { version: within + 1, trades: (within + 1) * 20 }),
      T0 + second * 1_000,
    );
  }
  const rate = (atMs: number): number => board.top(1, atMs)[0]?.tradesPerSecond ?? 0;
  expect(rate(T0 + 39_500)).toBeGreaterThan(18);
  expect(rate(T0 + 39_500)).toBeLessThan(22);
  expect(rate(T0 + 120_000)).toBeLessThan(0.05);
});

test('puts the most active symbols first, and keeps the order for some seconds', () => {
  const board = createCandleBoard(true);
  board.apply(batch('SIM:A', 0, { trades: 10 }), T0);
  board.apply(batch('SIM:B', 0, { trades: 30 }), T0);
  const names = (atMs: number): string[] => board.top(5, atMs).map(({ symbol }) => symbol);
  expect(names(T0)).toEqual(['SIM:B', 'SIM:A']);
  board.apply(batch('SIM:A', 0, { version: 2, trades: 90 }), T0 + 1_000);
  expect(names(T0 + 1_000)).toEqual(['SIM:B', 'SIM:A']);
  expect(names(T0 + 6_000)).toEqual(['SIM:A', 'SIM:B']);
  expect(board.top(1, T0 + 6_000)).toHaveLength(1);
});

test('keeps a minute of windows, and does not count what is older', () => {
  const board = createCandleBoard(true);
  for (let window = 0; window < 30; window++) board.apply(batch('SIM:A', window, { state: 'final' }), T0);
  board.apply(batch('SIM:A', 2, { state: 'final', version: 5 }), T0);
  expect(board.finalCandles()).toBe(30);
  expect(board.top(1, T0)[0]?.closes).toHaveLength(12);
});

test('has no lag in a recording, and trades per second all the same', () => {
  const years = 2 * 365 * 86_400_000;
  const recorded = createCandleBoard(false);
  recorded.apply(batch('SIM:A', 0, { trades: 50 }), T0 + years);
  expect(recorded.top(1, T0 + years + 1_000)[0]).toMatchObject({ lagMs: null });
  expect(recorded.top(1, T0 + years + 1_000)[0]?.tradesPerSecond).toBeGreaterThan(10);
});

test('does not take for a trade of now what an earlier run has left', () => {
  const board = createCandleBoard(true);
  board.apply(batch('SIM:A', 0, { trades: 500, state: 'final' }), T0 + 600_000);
  expect(board.top(1, T0 + 601_000)[0]?.tradesPerSecond).toBe(0);
});

test('keeps the same symbol of two feeds apart, and says then which feed it is of', () => {
  const board = createCandleBoard(true);
  board.apply(batch('SIM:A', 1, { close: 1.5 }), T0);
  board.apply({ ...batch('SIM:A', 1, { close: 7.5 }), shard: 'other-03' }, T0);
  const lines = board.top(2, T0 + 7_000).map(({ symbol, candle }) => [symbol, candle.close]);
  expect(Object.fromEntries(lines)).toEqual({ 'sim SIM:A': 1.5, 'other SIM:A': 7.5 });
});
