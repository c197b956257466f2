import { EVENT_TYPES } from '@kandle/market/event/topics';
import { expect, test } from 'vitest';
import { createCandleLog } from './candle-log.ts';

const SHARD = 'test-00';

function eventOf(windowStartMs: number, ...symbols: readonly string[]) {
  const numbers = { openE8: 1, highE8: 1, lowE8: 1, closeE8: 1, volumeE8: 1, notionalE16: 1, priceSumE8: 1 };
  const life = { version: 2, state: 'final', revision: 0, reason: null, tradeCount: 1 };
  const candles = symbols.map((symbol) => ({ symbol, ...life, ...numbers }));
  return {
    partition: 0,
    offset: 0,
    attributes: { type: EVENT_TYPES.candles },
    value: Buffer.from(JSON.stringify({ shard: SHARD, windowStartMs, kind: 'final', candles })),
  };
}

test('createCandleLog() keeps only candles of windows that are asked for', () => {
  const log = createCandleLog({ hasLostRecords: false, isWanted: (_, startMs) => startMs >= 10, maxHeld: 9 });
  for (const startMs of [0, 5, 10, 15]) log.take(eventOf(startMs, 'A', 'B'));
  expect([...log.rest()].map(({ windowStartMs }) => windowStartMs)).toEqual([10, 15]);
  expect([...log.takeWindow(SHARD, 10).keys()]).toEqual(['A', 'B']);
  expect([...log.takeWindow(SHARD, 5).keys()]).toEqual([]);
});

test('createCandleLog() says what to do, when it would hold more candles than it may', () => {
  const log = createCandleLog({ hasLostRecords: false, isWanted: () => true, maxHeld: 4 });
  for (const startMs of [0, 5]) log.take(eventOf(startMs, 'A', 'B'));
  // The same ones again, and one in the place of what was let go.
  log.take(eventOf(5, 'A', 'B'));
  log.takeWindow(SHARD, 0);
  log.take(eventOf(10, 'A', 'B'));
  expect(() => log.take(eventOf(15, 'A'))).toThrow('narrow it down with --since');
});
