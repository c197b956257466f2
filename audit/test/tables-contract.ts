import { describe, expect, test } from 'vitest';
import type { Stored, StoredWindow } from '../src/read/stored.ts';
import { candleColumns } from '../src/recompute/candle.ts';
import { expectedColumns, expectedWindow, type PlacedTrade } from '../src/recompute/expected-window.ts';
import type { WindowPlan } from '../src/repair/plan-window.ts';
import { candleRemoval, tradeWrite } from '../src/repair/rows.ts';
import type { PlacedRow, ViewRows } from '../src/repair/view-rows.ts';

/** What the audit and its repair have of the tables. */
export interface Tables {
  readonly stored: Pick<Stored, 'window' | 'candles' | 'trades'>;
  readonly views: ViewRows;
  writeWindow(plan: WindowPlan): Promise<boolean>;
}

/** A whole number of buckets. */
const BEGIN_MS = 1_764_000_000_000;

/** The contract of the tables, for whatever keeps them: each test has a shard of its own. */
export function describeTables(name: string, tables: () => Tables): void {
  let shards = 0;
  function newPlace() {
    shards += 1;
    return { feed: 'test', shard: `test-${String(shards).padStart(2, '0')}` };
  }

  function candle(place: ReturnType<typeof newPlace>, timeMs: number, price: bigint): PlacedRow {
    const prices = { openE8: price, highE8: price, lowE8: price, closeE8: price, priceSumE8: price };
    const numbers = { ...prices, volumeE8: 1n, notionalE16: price, tradeCount: 1 };
    const life = { version: 2, state: 'final', revision: 0, reason: '', complete: true } as const;
    const row = candleRemoval(place, { symbol: 'AAPL', timeMs, columns: {} });
    return { table: row.table, key: row.key, columns: candleColumns(numbers, life) };
  }

  function trade(sequence: number, atMs: number, more: Partial<PlacedTrade> = {}): PlacedTrade {
    const numbers = { priceE8: 150_000_000n, sizeE8: 200_000_000n };
    const place = { epoch: 1, sequence, index: 0, eventTimeMs: BEGIN_MS + atMs };
    return { id: `t${sequence}`, symbol: 'AAPL', ...numbers, ...place, ...more };
  }

  function windowOf(version: number, trades: readonly PlacedTrade[]): StoredWindow {
    const { applied, rows } = expectedWindow(trades);
    const marks = { rowVersion: version, revision: 0, reason: '' };
    return {
      version,
      finalVersion: version,
      incompleteVersion: 0,
      applied,
      minOffset: null,
      rows: new Map(
        [...rows].map(([symbol, row]) => [symbol, { symbol, ...marks, columns: expectedColumns(row) }]),
      ),
    };
  }

  describe(name, () => {
    test('of a row the newest write is seen, in any order, and a deletion hides what is not newer', async () => {
      const { views } = tables();
      const older = candle(newPlace(), BEGIN_MS, 1n);
      const next = { ...older, columns: { ...older.columns, volume_e8: 2n } };
      const place = { table: older.table, key: older.key };
      expect(await views.read(place)).toBeNull();
      await views.insert(next, 20n);
      await views.insert(older, 10n);
      expect(await views.read(place)).toMatchObject({ columns: { volume_e8: 2n }, newest: 20n });
      await views.remove(place, 19n);
      expect(await views.read(place)).toMatchObject({ columns: { volume_e8: 2n } });
      await views.remove(place, 20n);
      expect(await views.read(place)).toBeNull();
      await views.insert(older, 20n);
      expect(await views.read(place)).toBeNull();
      await views.insert(older, 21n);
      expect(await views.read(place)).toMatchObject({ columns: { volume_e8: 1n }, newest: 21n });
    });

    test('candles are read from a time up to another, of one shard, over the ends of buckets', async () => {
      const { views, stored } = tables();
      const place = newPlace();
      for (const atMs of [-5_000, 0, 5_000, 600_000])
        await views.insert(candle(place, BEGIN_MS + atMs, 1n), 1n);
      await views.insert(candle(newPlace(), BEGIN_MS, 1n), 1n);
      const found = await stored.candles({ ...place, fromMs: BEGIN_MS - 5_000, toMs: BEGIN_MS + 600_000 });
      expect(found.map(({ timeMs }) => timeMs - BEGIN_MS).toSorted((a, b) => a - b)).toEqual([
        -5_000, 0, 5_000,
      ]);
      expect(found[0]).toMatchObject({ symbol: 'AAPL', columns: { price_rank: 0, state: 'final' } });
    });

    test('trades are read from a time up to another, with their conditions and source where they have any', async () => {
      const { views, stored } = tables();
      const place = newPlace();
      const trades = [
        trade(1, -1),
        trade(2, 0),
        trade(3, 4_999, { conditions: '1,12', rank: 2, backfilled: 'recording' }),
        trade(4, 5_000),
      ];
      for (const one of trades) {
        const { table, key, wanted, timestamp } = tradeWrite(place, one, null);
        await views.insert({ table, key, columns: wanted ?? {} }, timestamp ?? 0n);
      }
      const found = await stored.trades({ ...place, fromMs: BEGIN_MS, toMs: BEGIN_MS + 5_000 });
      expect(found.toSorted((a, b) => a.timeMs - b.timeMs)).toEqual([
        {
          symbol: 'AAPL',
          timeMs: BEGIN_MS,
          id: 't2',
          price: 1.5,
          size: 2,
          conditions: null,
          rank: null,
          backfilled: null,
        },
        {
          symbol: 'AAPL',
          timeMs: BEGIN_MS + 4_999,
          id: 't3',
          price: 1.5,
          size: 2,
          conditions: '1,12',
          rank: 2,
          backfilled: 'recording',
        },
      ]);
    });

    test('a window is written only as it was judged, and read as it was written', async () => {
      const { stored, writeWindow } = tables();
      const { shard } = newPlace();
      const plan = {
        shard,
        windowStartMs: BEGIN_MS,
        isSampled: false,
        changed: ['AAPL'],
        removed: [],
      };
      const [first, second] = [
        windowOf(2, [trade(1, 0)]),
        windowOf(5, [trade(1, 0), trade(2, 7, { rank: 2 })]),
      ];
      expect(await stored.window(shard, BEGIN_MS)).toBeNull();
      expect(await writeWindow({ ...plan, before: null, next: first })).toBe(true);
      expect(await stored.window(shard, BEGIN_MS)).toEqual(first);
      expect(await writeWindow({ ...plan, before: null, next: second })).toBe(false);
      expect(await writeWindow({ ...plan, before: { ...first, version: 1 }, next: second })).toBe(false);
      expect(await stored.window(shard, BEGIN_MS)).toEqual(first);
      expect(await writeWindow({ ...plan, before: first, next: second })).toBe(true);
      expect(await stored.window(shard, BEGIN_MS)).toEqual(second);
    });
  });
}
