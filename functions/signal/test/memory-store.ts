import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { ABSENT, type StateRow, type StateWindow } from '@kandle/market/signal/series-state';
import { hourOf, type StateStore } from '../src/stores.ts';

/** The store in memory, under the same contract as the one in Cassandra, with a look inside. */
export interface MemoryStore extends StateStore {
  windowAt(key: WindowKey): StateWindow;
}

/** An empty store. */
export function createMemoryStore(): MemoryStore {
  const windows = new Map<string, StateWindow>();
  const counts = new Map<string, number>();
  const keyOf = ({ shard, windowStartMs }: WindowKey): string => `${shard}|${windowStartMs}`;
  const hourKey = (shard: string, hourMs: number): string => `${shard}|${hourMs}`;
  const windowAt = (key: WindowKey): StateWindow => windows.get(keyOf(key)) ?? ABSENT;
  return {
    windowAt,
    read: async (key) => windowAt(key),
    readChanges: async (shard, hourMs) => counts.get(hourKey(shard, hourMs)) ?? 0,
    async readVersions(shard, firstMs, lastMs) {
      const versions = new Map<number, number>();
      for (let startMs = firstMs; startMs <= lastMs; startMs += WINDOW_MS) {
        const { version } = windowAt({ shard, windowStartMs: startMs });
        if (version > 0) versions.set(startMs, version);
      }
      return versions;
    },
    async compareAndSet(key, next, changes) {
      const hour = hourKey(key.shard, hourOf(key.windowStartMs));
      if ((counts.get(hour) ?? 0) !== changes) return 'lost';
      if (windowAt(key).version !== next.version - 1) throw new Error('The changes of the hour did not tell');
      counts.set(hour, changes + 1);
      // Through JSON, as what is stored is text.
      const rows = [...next.rows].map(
        ([symbol, row]) => [symbol, JSON.parse(JSON.stringify(row)) as StateRow] as const,
      );
      windows.set(keyOf(key), { ...next, rows: new Map(rows) });
      return 'applied';
    },
  };
}
