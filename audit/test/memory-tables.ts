import type { ShardRange, Stored, StoredWindow } from '../src/read/stored.ts';
import type { WindowIndex } from '../src/read/window-index.ts';
import type { WindowPlan } from '../src/repair/plan-window.ts';
import type { CurrentRow, PlacedRow, ViewRows } from '../src/repair/view-rows.ts';
import type { Cell, Columns } from '../src/values/columns.ts';
import { startOf, STRETCH_MS } from '../src/values/periods.ts';

type Place = Pick<PlacedRow, 'table' | 'key'>;

/** A row as Cassandra keeps it: each cell and the deletion with their times, microseconds. */
interface KeptRow extends Place {
  readonly cells: Map<string, { readonly value: Cell; readonly at: bigint }>;
  deletedAt: bigint;
}

/** The tables of one pipeline in memory, as the audit reads and a repair writes them. */
export interface MemoryTables {
  readonly stored: Stored;
  readonly views: ViewRows;
  readonly windows: Map<string, StoredWindow>;
  index(): WindowIndex;
  writeWindow(plan: WindowPlan): Promise<boolean>;
  /** Every row of the views that is to be seen. */
  rows(): readonly PlacedRow[];
}

/** What a window is found by. */
export function windowKey(shard: string, windowStartMs: number): string {
  return `${shard} ${windowStartMs}`;
}

/** Tables with nothing in them. */
export function createMemoryTables(): MemoryTables {
  const windows = new Map<string, StoredWindow>();
  const kept = new Map<string, KeptRow>();

  function rowAt({ table, key }: Place): KeptRow {
    const name = JSON.stringify([table, ...Object.values(key).map(String)]);
    const row = kept.get(name) ?? { table, key, cells: new Map(), deletedAt: -1n };
    kept.set(name, row);
    return row;
  }

  function seen({ cells }: KeptRow): CurrentRow | null {
    if (cells.size === 0) return null;
    const newest = [...cells.values()].reduce((latest, { at }) => (at > latest ? at : latest), 0n);
    return { columns: Object.fromEntries([...cells].map(([name, { value }]) => [name, value])), newest };
  }

  function rows(): readonly PlacedRow[] {
    return [...kept.values()].flatMap((row) => {
      const current = seen(row);
      return current === null ? [] : [{ table: row.table, key: row.key, columns: current.columns }];
    });
  }

  function inRange(table: PlacedRow['table'], time: string, { feed, shard, fromMs, toMs }: ShardRange) {
    return rows().filter(
      ({ table: of, key }) =>
        of === table &&
        key['feed'] === feed &&
        key['shard'] === shard &&
        Number(key[time]) >= fromMs &&
        Number(key[time]) < toMs,
    );
  }

  const nothing = async function* (): AsyncGenerator<never> {
    // No test in memory looks for rows of symbols that the log does not know.
  };
  return {
    windows,
    rows,
    stored: {
      window: (shard, startMs) => Promise.resolve(windows.get(windowKey(shard, startMs)) ?? null),
      shard: () => Promise.resolve({ open: new Set() }),
      candles: (range) =>
        Promise.resolve(
          inRange('candles_5s', 'start', range).map(({ key, columns }) => ({
            symbol: String(key['symbol']),
            timeMs: Number(key['start']),
            columns,
          })),
        ),
      trades: (range) =>
        Promise.resolve(
          inRange('trades', 'time', range).map(({ key, columns }) => ({
            symbol: String(key['symbol']),
            timeMs: Number(key['time']),
            id: String(key['id']),
            price: Number(columns['price'] ?? Number.NaN),
            size: Number(columns['size'] ?? Number.NaN),
            conditions: columns['conditions'] === undefined ? null : String(columns['conditions']),
            rank: columns['price_rank'] === undefined ? null : Number(columns['price_rank']),
            backfilled: columns['backfilled'] === undefined ? null : String(columns['backfilled']),
          })),
        ),
      tradePartitions: nothing,
      candlePartitions: nothing,
      tradeTimes: () => Promise.resolve([]),
      candleTimes: () => Promise.resolve([]),
      candlesOf: () => Promise.resolve([]),
      rollups: () => Promise.resolve([]),
      pendingRollups: () => Promise.resolve(new Set()),
      gaps: () => Promise.resolve([]),
    },
    views: {
      read: (place) => Promise.resolve(seen(rowAt(place))),
      insert({ table, key, columns }, timestamp) {
        const row = rowAt({ table, key });
        for (const [name, value] of Object.entries(columns)) {
          const isHidden = timestamp <= row.deletedAt || timestamp < (row.cells.get(name)?.at ?? -1n);
          if (!isHidden) row.cells.set(name, { value, at: timestamp });
        }
        return Promise.resolve();
      },
      remove(place, timestamp) {
        const row = rowAt(place);
        if (timestamp > row.deletedAt) row.deletedAt = timestamp;
        for (const [name, { at }] of row.cells) if (at <= timestamp) row.cells.delete(name);
        return Promise.resolve();
      },
    },
    index() {
      const keys = [...windows.keys()].map((key) => key.split(' '));
      const startsOf = (shard: string): readonly number[] =>
        keys.filter(([of]) => of === shard).map(([, startMs]) => Number(startMs));
      return {
        shards: () => [...new Set(keys.map(([shard = '']) => shard))].toSorted(),
        windowsIn: (shard, fromMs, toMs) =>
          startsOf(shard).filter((startMs) => startMs >= fromMs && startMs < toMs),
        stretchesOf: (shard) =>
          [...new Set(startsOf(shard).map((startMs) => startOf(startMs, STRETCH_MS)))].toSorted(
            (a, b) => a - b,
          ),
        forget: () => true,
      };
    },
    writeWindow({ shard, windowStartMs, before, next }) {
      const key = windowKey(shard, windowStartMs);
      const isAsJudged = windows.get(key)?.version === before?.version;
      if (isAsJudged) windows.set(key, next);
      return Promise.resolve(isAsJudged);
    },
  };
}

/** The columns that say something of the market, not of how they came there. */
export function marketColumns(columns: Columns): Columns {
  const { version: _, revision: _r, reason: _n, state: _s, ...rest } = columns;
  return rest;
}
