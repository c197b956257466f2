import { e8 } from '@kandle/market/number/fixed-point';
import type { WindowKey } from '@kandle/market/window/window';
import { foldTrades } from '@kandle/market/candle/fold';
import { ABSENT_SHARD } from '@kandle/market/window/shard-state';
import {
  ABSENT_WINDOW,
  closeWindow,
  markIncomplete,
  mergeBatch,
  type WindowState,
} from '@kandle/market/window/window-state';
import type { Trade } from '@kandle/market/trade/trade';
import { describe, expect, test } from 'vitest';
import type { Stores } from './faulty-stores.ts';

let lastShard = 0;

/** A shard that no other test uses. */
function freshKey(): WindowKey {
  lastShard += 1;
  return { shard: `contract${Date.now().toString(36)}-${lastShard}`, windowStartMs: 1_700_000_000_000 };
}

function merged(window: WindowState, key: WindowKey, sequence: number, symbols: readonly string[]) {
  const trades = symbols.map(
    (symbol, n): Trade => ({
      id: `${sequence}.${symbol}`,
      symbol,
      eventTimeMs: key.windowStartMs + n,
      priceE8: e8(6_183_763_000_000n + BigInt(n)),
      sizeE8: e8(123_456_789_012_345_678_901n),
    }),
  );
  const position = { epoch: 1_764_000_000_000, sequence, offset: BigInt(1_000 - sequence) };
  const candles = foldTrades(trades, position).get(key.windowStartMs);
  if (candles === undefined) throw new Error('no candles');
  return mergeBatch(window, position, candles);
}

/** The contract of the two stores, the same for the database in memory and for the real one. */
export function describeStores(name: string, stores: () => Stores): void {
  describe(name, () => {
    test('read() returns version 0, when nothing was ever written', async () => {
      const key = freshKey();
      expect(await stores().windows.read(key)).toEqual(ABSENT_WINDOW);
      expect(await stores().shards.read(key.shard)).toEqual(ABSENT_SHARD);
    });

    test('read() returns every number exactly, when a window was written, closed and revised', async () => {
      const key = freshKey();
      const first = merged(ABSENT_WINDOW, key, 1, ['A', 'B']);
      expect(await stores().windows.compareAndSet(key, first.next, 'all')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(first.next);
      const final = closeWindow(first.next);
      expect(await stores().windows.compareAndSet(key, final, 'versions')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(final);
      const late = merged(final, key, 3, ['B', 'C']);
      expect(await stores().windows.compareAndSet(key, late.next, 'all')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(late.next);
      const incomplete = markIncomplete(late.next);
      expect(await stores().windows.compareAndSet(key, incomplete, 'versions')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(incomplete);
    });

    test('compareAndSet() closes a window, when it holds nothing', async () => {
      const key = freshKey();
      const final = closeWindow(ABSENT_WINDOW);
      expect(await stores().windows.compareAndSet(key, final, 'versions')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(final);
    });

    test('compareAndSet() changes nothing, when it was made from an older version', async () => {
      const key = freshKey();
      const first = merged(ABSENT_WINDOW, key, 1, ['A']);
      await stores().windows.compareAndSet(key, first.next, 'all');
      const rival = merged(ABSENT_WINDOW, key, 2, ['A', 'Z']);
      expect(await stores().windows.compareAndSet(key, rival.next, 'all')).toBe('lost');
      expect(await stores().windows.read(key)).toEqual(first.next);
    });

    test('written() finds the windows that were written, with rows or without, and no others', async () => {
      const key = freshKey();
      const at = (n: number) => ({ ...key, windowStartMs: key.windowStartMs + n * 5_000 });
      const { next } = merged(ABSENT_WINDOW, key, 1, ['A', 'B']);
      await stores().windows.compareAndSet(key, next, 'all');
      for (const n of [1, 99, 100, 257]) {
        await stores().windows.compareAndSet(at(n), closeWindow(ABSENT_WINDOW), 'versions');
      }
      const { shard } = key;
      const starts = async (first: number, last: number) =>
        await stores().windows.written(shard, at(first).windowStartMs, at(last).windowStartMs);
      const expected = (...places: number[]) => places.map((n) => at(n).windowStartMs);
      expect(await starts(0, 257)).toEqual(expected(0, 1, 99, 100, 257));
      expect(await starts(-500, 256)).toEqual(expected(0, 1, 99, 100));
      expect(await starts(1, 99)).toEqual(expected(1, 99));
      expect(await starts(2, 98)).toEqual([]);
      expect(await stores().windows.written(freshKey().shard, 0, 5_000)).toEqual([]);
    });

    test('compareAndSet() lets exactly one of many win, when they race from the same version', async () => {
      const key = freshKey();
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => {
          const { next } = merged(ABSENT_WINDOW, key, n + 1, ['A']);
          return stores().windows.compareAndSet(key, next, 'all');
        }),
      );
      const after = await stores().windows.read(key);
      expect(after.version).toBe(1);
      // Contention may leave an outcome unknown; never may two be told that they won.
      expect(outcomes.filter((outcome) => outcome === 'applied').length).toBeLessThanOrEqual(1);
    });

    test('compareAndSet() writes a window of 1,500 symbols in one transaction', async () => {
      const key = freshKey();
      const symbols = Array.from({ length: 1_500 }, (_, n) => `S${String(n).padStart(4, '0')}`);
      const { next } = merged(ABSENT_WINDOW, key, 1, symbols);
      expect(await stores().windows.compareAndSet(key, next, 'all')).toBe('applied');
      expect(await stores().windows.read(key)).toEqual(next);
    });

    test('shards.compareAndSet() keeps the open windows and gaps, and loses from an older version', async () => {
      const { shard } = freshKey();
      const gaps = [[5, 9] as const, [1_700_000_000_000, 1_700_000_000_000] as const];
      const first = { version: 1, closedToMs: null, open: [1_700_000_000_000, 1_700_000_005_000], gaps };
      expect(await stores().shards.compareAndSet(shard, first)).toBe('applied');
      expect(await stores().shards.read(shard)).toEqual(first);
      expect(await stores().shards.compareAndSet(shard, { ...first, open: [] })).toBe('lost');
      const second = { version: 2, closedToMs: 1_700_000_005_000, open: [], gaps: [] };
      expect(await stores().shards.compareAndSet(shard, second)).toBe('applied');
      expect(await stores().shards.read(shard)).toEqual(second);
    });
  });
}
