import type { SymbolIndicators } from '@kandle/market/indicator/indicator-batch';
import type { Signal } from '@kandle/market/signal/signal-batch';
import { expect, test } from 'vitest';
import { createSignalBoard } from './signal-board.ts';

const W0 = 1_700_000_000_000;

function indicators(windowStartMs: number, version: number, values: Record<string, number>) {
  const row: SymbolIndicators = {
    symbol: 'A',
    version,
    candleVersion: 1,
    repeated: 0,
    restarted: false,
    close: 1,
    values,
  };
  return { shard: 'a-00', windowStartMs, indicators: [row] };
}

function signals(windowStartMs: number, version: number, state: Signal['state'] = 'active') {
  const named = { rule: 'rsi', symbol: 'A', windowStartMs };
  const signal: Signal = {
    ...named,
    id: `rsi:A:${windowStartMs}`,
    side: 'buy',
    strength: 1,
    numbers: {},
    text: `A is oversold at ${windowStartMs}.`,
    state,
    version,
    causedAtMs: windowStartMs,
  };
  return { shard: 'a-00', windowStartMs, version, signals: [signal] };
}

test('indicatorsOf() is of the newest window and version, whatever the order, and null while nothing is warm', () => {
  const board = createSignalBoard();
  expect(board.indicatorsOf('a A')).toBeNull();
  board.applyIndicators(indicators(W0, 1, {}));
  expect(board.indicatorsOf('a A')).toBeNull();
  board.applyIndicators(indicators(W0 + 5_000, 2, { sma20: 2, ema20: 3, rsi14: 60, macd: 9 }));
  board.applyIndicators(indicators(W0 + 5_000, 1, { sma20: 7 }));
  board.applyIndicators(indicators(W0, 9, { sma20: 8 }));
  expect(board.indicatorsOf('a A')).toEqual({ ma: 2, ema: 3, rsi: 60 });
  // The same symbol of another feed is another series.
  board.applyIndicators({ ...indicators(W0 + 9_000, 1, { sma20: 9 }), shard: 'b-00' });
  expect(board.indicatorsOf('a A')).toEqual({ ma: 2, ema: 3, rsi: 60 });
});

test('latest() has each signal once, newest first, as its highest version says', () => {
  const board = createSignalBoard();
  board.applySignals(signals(W0, 1));
  board.applySignals(signals(W0 + 5_000, 1));
  board.applySignals(signals(W0, 3, 'retracted'));
  board.applySignals(signals(W0, 1));
  expect(board.latest(5).map(({ windowStartMs, isRetracted }) => [windowStartMs, isRetracted])).toEqual([
    [W0 + 5_000, false],
    [W0, true],
  ]);
  expect(board.latest(1)).toHaveLength(1);
  expect(board.count()).toBe(2);
});

test('count() counts the same signal of two feeds twice: they are two', () => {
  const board = createSignalBoard();
  board.applySignals(signals(W0, 1));
  board.applySignals({ ...signals(W0, 1), shard: 'b-00' });
  board.applySignals(signals(W0, 1));
  expect(board.count()).toBe(2);
});
