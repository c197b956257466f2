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

/** A shard of a feed that no other test uses. */
function freshKey() {
  lastFeed += 1;
  return { feed: `contract-${lastFeed}`, shard: `contract-${lastFeed}-07`, symbol: 'IC MARKETS:1' };
}

/** The parts of one symbol in a period, by their start. */
async function partsOf(
  store: RollupStore,
  of: RollupLevel,
  { shard, symbol }: { readonly shard: string; readonly symbol: string },
  startMs = DAY,
): Promise<readonly ViewCandle[]> {
  const found = await store.readParts(of, { shard, startMs, symbols: [symbol] });
  expect([...found.keys()]).toEqual(found.size === 0 ? [] : [symbol]);
  return (found.get(symbol) ?? []).toSorted((a, b) => a.startMs - b.startMs);
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
    sampled: false,
    rank: 0,
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
      await put({ ...key, shard: `${key.feed}-08`, state: 'revised', candle: candle(DAY + 15_000, 3) });
      expect(await partsOf(store, level('1m'), key)).toEqual([candle(DAY, 3), candle(DAY + 55_000, 3)]);
      expect(await partsOf(store, level('1m'), key, DAY + 120_000)).toEqual([]);
    });

    test('readParts() and write() take many symbols of a shard at once, and leave out those without a candle', async () => {
      const { store, put } = rig();
      const { shard } = freshKey();
      const symbols = Array.from({ length: 150 }, (_, n) => `S${n}`);
      for (const symbol of symbols)
        await put({ shard, symbol, state: 'final', candle: candle(DAY + 5_000, 2) });
      const found = await store.readParts(level('1m'), {
        shard,
        startMs: DAY,
        symbols: [...symbols, 'NONE'],
      });
      expect([...found.keys()].toSorted()).toEqual(symbols.toSorted());
      await store.write(
        level('1m'),
        shard,
        new Map(symbols.map((symbol, n) => [symbol, candle(DAY, 9, { close: n })])),
      );
      const written = await store.readParts(level('5m'), { shard, startMs: DAY, symbols });
      expect(symbols.map((symbol) => written.get(symbol)?.[0]?.close)).toEqual(symbols.map((_, n) => n));
    });

    test.each(ROLLUP_LEVELS.slice(1))(
      'readParts() of $name finds what was written one level below',
      async (of) => {
        const { store } = rig();
        const key = freshKey();
        const below = ROLLUP_LEVELS[ROLLUP_LEVELS.indexOf(of) - 1];
        if (below === undefined) throw new Error('no level below');
        const starts = [DAY - of.partMs, DAY, DAY + of.periodMs - of.partMs, DAY + of.periodMs];
        for (const startMs of starts)
          await store.write(below, key.shard, new Map([[key.symbol, candle(startMs, 9, { parts: 4 })]]));
        expect(await partsOf(store, of, key)).toEqual(
          starts.slice(1, 3).map((startMs) => candle(startMs, 9, { parts: 4 })),
        );
      },
    );

    test('write() keeps the largest version, in any order', async () => {
      const { store } = rig();
      const key = freshKey();
      for (const version of [5, 9, 7])
        await store.write(
          level('1m'),
          key.shard,
          new Map([[key.symbol, candle(DAY, version, { close: version })]]),
        );
      expect(await partsOf(store, level('5m'), key)).toEqual([candle(DAY, 9, { close: 9 })]);
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
