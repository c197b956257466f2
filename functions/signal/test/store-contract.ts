import type { WindowKey } from '@kandle/market/window/window';
import { INDICATORS_START } from '@kandle/market/indicator/indicators';
import { describe, expect, test } from 'vitest';
import { ABSENT, type StateRow, type StateWindow } from '@kandle/market/signal/series-state';
import { HOUR_MS, hourOf, type StateStore } from '../src/stores.ts';

const START_MS = 1_700_000_000_000;
let lastShard = 0;

/** A window of a shard that no other test uses. */
function freshKey(): WindowKey {
  lastShard += 1;
  return { shard: `contract${Date.now().toString(36)}-${lastShard}`, windowStartMs: START_MS };
}

function rowAt(version: number, symbol: string): StateRow {
  return {
    version,
    stateVersion: version,
    candle: {
      version: 7,
      close: 61_837.63,
      high: 0.1 + 0.2,
      low: 1e-8,
      volume: 5,
      lastTradeMs: START_MS + 1,
      sentiment: { mean: 1 / 3, news: 2 },
    },
    basis: { startMs: START_MS - 5_000, stateVersion: 3 },
    repeated: 2,
    restarted: false,
    state: {
      periods: '1,2',
      lastStartMs: START_MS,
      lastTradeMs: START_MS + 1,
      indicators: { ...INDICATORS_START, closes: [1, 0.1 + 0.2], gain: { seen: 2, value: 1 / 3 } },
      volumes: [5],
      rules: { rsi: { place: 'above', quietUntilMs: START_MS + 9 } },
    },
    signals: [
      {
        id: `rsi:${symbol}:${START_MS}`,
        rule: 'rsi',
        symbol,
        windowStartMs: START_MS,
        side: 'sell',
        strength: 1 / 3,
        numbers: { rsi: 71.5 },
        text: 'It is “overbought”; so they say.',
        state: 'active',
        version,
        causedAtMs: START_MS + 1,
      },
    ],
  };
}

/** A window with a version more, in which some symbols' rows are new. */
function after(window: StateWindow, symbols: readonly string[]): StateWindow {
  const version = window.version + 1;
  return {
    version,
    pending: version % 2,
    recomputedToMs: version % 2 === 0 ? null : START_MS + 5_000 * version,
    rows: new Map([...window.rows, ...symbols.map((symbol) => [symbol, rowAt(version, symbol)] as const)]),
  };
}

/** The contract of the store, the same for the database in memory and for the real one. */
export function describeStore(name: string, store: () => StateStore): void {
  describe(name, () => {
    test('read() returns version 0, when nothing was ever written', async () => {
      expect(await store().read(freshKey())).toEqual(ABSENT);
    });

    test('read() returns every number exactly, when rows were written and changed', async () => {
      const key = freshKey();
      const first = after(ABSENT, ['A', 'B']);
      expect(await store().compareAndSet(key, first, 0)).toBe('applied');
      expect(await store().read(key)).toEqual(first);
      const second = after(first, ['B']);
      expect(await store().compareAndSet(key, second, 1)).toBe('applied');
      expect(await store().read(key)).toEqual(second);
    });

    test('read() returns a row without candle, basis and signals', async () => {
      const key = freshKey();
      const row = { ...rowAt(1, 'A'), candle: null, basis: null, signals: [] };
      const window = { version: 1, pending: 0, recomputedToMs: null, rows: new Map([['A', row]]) };
      expect(await store().compareAndSet(key, window, 0)).toBe('applied');
      expect(await store().read(key)).toEqual(window);
    });

    test('compareAndSet() changes only the mark, when no symbol changed', async () => {
      const key = freshKey();
      const first = after(ABSENT, ['A']);
      await store().compareAndSet(key, first, 0);
      const marked = { ...first, version: 2, pending: 2, recomputedToMs: null };
      expect(await store().compareAndSet(key, marked, 1)).toBe('applied');
      expect(await store().read(key)).toEqual(marked);
    });

    test('compareAndSet() changes nothing, when anything of the hour was written meanwhile', async () => {
      const key = freshKey();
      const next = { ...key, windowStartMs: START_MS + 5_000 };
      const first = after(ABSENT, ['A']);
      await store().compareAndSet(key, first, 0);
      expect(await store().compareAndSet(key, after(ABSENT, ['A', 'Z']), 0)).toBe('lost');
      expect(await store().compareAndSet(next, after(ABSENT, ['Z']), 0)).toBe('lost');
      expect(await store().read(key)).toEqual(first);
      expect(await store().read(next)).toEqual(ABSENT);
      expect(await store().compareAndSet(next, first, 1)).toBe('applied');
      expect(await store().compareAndSet(key, after(first, ['A']), 1)).toBe('lost');
    });

    test('compareAndSet() lets exactly one of many win, when they race on the same changes', async () => {
      const { shard } = freshKey();
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, n) =>
          store().compareAndSet({ shard, windowStartMs: START_MS + n * 5_000 }, after(ABSENT, ['A']), 0),
        ),
      );
      // Contention may leave an outcome unknown; never may two be told that they won.
      expect(outcomes.filter((outcome) => outcome === 'applied').length).toBeLessThanOrEqual(1);
      expect(await store().readChanges(shard, hourOf(START_MS))).toBe(1);
    });

    test('readChanges() counts the writes of an hour, and of no other', async () => {
      const key = freshKey();
      const other = { ...key, windowStartMs: START_MS + HOUR_MS };
      const hours = async () =>
        await Promise.all(
          [key, other].map(({ windowStartMs }) => store().readChanges(key.shard, hourOf(windowStartMs))),
        );
      expect(await hours()).toEqual([0, 0]);
      const first = after(ABSENT, ['A']);
      await store().compareAndSet(key, first, 0);
      await store().compareAndSet({ ...key, windowStartMs: START_MS + 5_000 }, first, 1);
      expect(await hours()).toEqual([2, 0]);
      await store().compareAndSet(other, first, 0);
      expect(await hours()).toEqual([2, 1]);
    });

    test('compareAndSet() writes a window of 2,400 symbols in one transaction', async () => {
      const key = freshKey();
      const symbols = Array.from({ length: 2_400 }, (_, n) => `S${String(n).padStart(4, '0')}`);
      const window = after(ABSENT, symbols);
      expect(await store().compareAndSet(key, window, 0)).toBe('applied');
      expect(await store().read(key)).toEqual(window);
    });

    test('readVersions() returns those of the windows that exist, over hours, and of no other shard', async () => {
      const key = freshKey();
      const first = after(ABSENT, ['A']);
      await store().compareAndSet(key, first, 0);
      await store().compareAndSet(key, after(first, ['A']), 1);
      await store().compareAndSet({ ...key, windowStartMs: START_MS + 5_000 }, first, 2);
      await store().compareAndSet({ ...key, windowStartMs: START_MS + HOUR_MS }, first, 0);
      await store().compareAndSet({ ...freshKey(), windowStartMs: START_MS - 5_000 }, first, 0);
      expect(await store().readVersions(key.shard, START_MS - 5_000, START_MS + HOUR_MS)).toEqual(
        new Map([
          [START_MS, 2],
          [START_MS + 5_000, 1],
          [START_MS + HOUR_MS, 1],
        ]),
      );
      expect(await store().readVersions(key.shard, START_MS + 5_000, START_MS + HOUR_MS - 5_000)).toEqual(
        new Map([[START_MS + 5_000, 1]]),
      );
    });
  });
}
