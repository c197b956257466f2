import { e16, toE8 } from '@kandle/market/number/fixed-point';
import { ROLLUP_LEVELS, type RollupLevel, type ViewCandle } from '@kandle/market/candle/rollup';
import { describe, expect, test } from 'vitest';
import type { PendingMark, RollupStore } from '../src/rollups/rollup-store.ts';
import type { StoredCandle } from './memory-rollups.ts';

/** A store, and how a 5-second candle is put into it. */
export interface RollupRig {
  readonly store: RollupStore;
  readonly put: (stored: StoredCandle) => void | Promise<void>;
}

const DAY = Date.UTC(2026, 10, 2);
let lastFeed = 0;

/** A feed that no other test uses. */
function freshKey() {
  lastFeed += 1;
  return { feed: `contract-${lastFeed}`, symbol: 'IC MARKETS:1' };
}

function candle(startMs: number, version: number, changed: Partial<ViewCandle> = {}): ViewCandle {
  return {
    startMs,
    version,
    open: 1.5,
    high: 3.25,
    low: 0.1,
    close: 2,
    volumeE8: toE8(0.3),
    notionalE16: e16(10n ** 30n + 1n),
    priceSumE8: toE8(5.7),
    tradeCount: 3,
    revision: 1,
    reason: 'late_trade',
    complete: false,
    parts: 1,
    ...changed,
  };
}

function level(name: RollupLevel['name']): RollupLevel {
  const found = ROLLUP_LEVELS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no level ${name}`);
  return found;
}

/** The contract of a store of rollups, the same for the one in memory and for the real one. */
export function describeRollups(name: string, rig: () => RollupRig): void {
  describe(name, () => {
    test('readParts() finds the final candles of a period, and none of its neighbours or of other symbols', async () => {
      const { store, put } = rig();
      const key = freshKey();
      for (const second of [-5, 0, 55, 60]) {
        await put({ ...key, state: 'revised', candle: candle(DAY + second * 1_000, 3) });
      }
      await put({ ...key, state: 'provisional', candle: candle(DAY + 5_000, 1) });
      await put({ ...key, symbol: 'B', state: 'revised', candle: candle(DAY + 10_000, 3) });
      const found = await store.readParts(level('1m'), key, DAY);
      expect(found.toSorted((a, b) => a.startMs - b.startMs)).toEqual([
        candle(DAY, 3),
        candle(DAY + 55_000, 3),
      ]);
      expect(await store.readParts(level('1m'), key, DAY + 120_000)).toEqual([]);
    });

    test.each(ROLLUP_LEVELS.slice(1))(
      'readParts() of $name finds what was written one level below',
      async (of) => {
        const { store } = rig();
        const key = freshKey();
        const below = ROLLUP_LEVELS[ROLLUP_LEVELS.indexOf(of) - 1];
        if (below === undefined) throw new Error('no level below');
        const starts = [DAY - of.partMs, DAY, DAY + of.periodMs - of.partMs, DAY + of.periodMs];
        for (const startMs of starts) await store.write(below, key, candle(startMs, 9, { parts: 4 }));
        const found = await store.readParts(of, key, DAY);
        expect(found.toSorted((a, b) => a.startMs - b.startMs)).toEqual(
          starts.slice(1, 3).map((startMs) => candle(startMs, 9, { parts: 4 })),
        );
      },
    );

    test('write() keeps the largest version, in any order', async () => {
      const { store } = rig();
      const key = freshKey();
      for (const version of [5, 9, 7])
        await store.write(level('1m'), key, candle(DAY, version, { close: version }));
      expect(await store.readParts(level('5m'), key, DAY)).toEqual([candle(DAY, 9, { close: 9 })]);
    });

    test('unmark() takes back what was left up to a time, and nothing that came later or from others', async () => {
      const { store } = rig();
      const { feed } = freshKey();
      const mark: PendingMark = {
        shard: `${feed}-00`,
        process: 'p',
        minuteMs: DAY,
        event: 'e1',
        feed,
        symbols: ['A', 'IC MARKETS:1', 'B,C', '币'],
        madeAtMs: DAY + 1,
      };
      await store.mark(mark, 1_000n);
      await store.mark({ ...mark, event: 'e2' }, 2_000n);
      await store.mark({ ...mark, process: 'q' }, 1_000n);
      await store.mark({ ...mark, minuteMs: DAY + 60_000 }, 1_000n);
      await store.unmark(mark, 1_000n);
      const left = (await store.readMarks()).filter(({ shard }) => shard === mark.shard);
      expect(left).toHaveLength(3);
      expect(left).toEqual(
        expect.arrayContaining([
          { ...mark, event: 'e2' },
          { ...mark, process: 'q' },
          { ...mark, minuteMs: DAY + 60_000 },
        ]),
      );
    });
  });
}
