import type { WindowKey } from '@kandle/market/window/window';
import { ABSENT, type StateWindow } from '@kandle/market/signal/series-state';
import type { StateStore } from '../src/stores.ts';

/** The store in memory, under the same contract as the one in Cassandra, with a look inside. */
export interface MemoryStore extends StateStore {
  windowAt(key: WindowKey): StateWindow;
}

/** An empty store. */
export function createMemoryStore(): MemoryStore {
  const windows = new Map<string, StateWindow>();
  const keyOf = ({ shard, windowStartMs }: WindowKey): string => `${shard}|${windowStartMs}`;
  const windowAt = (key: WindowKey): StateWindow => windows.get(keyOf(key)) ?? ABSENT;
  return {
    windowAt,
    read: async (key) => windowAt(key),
    async readVersions(shard, starts) {
      const found = starts.map((startMs) => {
        const { version } = windowAt({ shard, windowStartMs: startMs });
        return [startMs, version] as const;
      });
      return new Map(found.filter(([, version]) => version > 0));
    },
    async compareAndSet(key, next, changed) {
      const current = windowAt(key);
      if (current.version !== next.version - 1) return 'lost';
      // Only what the statement names is written: rows that are not in `changed` stay as they are.
      const rows = new Map(current.rows);
      for (const symbol of changed) {
        const row = next.rows.get(symbol);
        // Through JSON, as what is stored is text.
        if (row !== undefined) rows.set(symbol, JSON.parse(JSON.stringify(row)));
      }
      windows.set(keyOf(key), { ...next, rows });
      return 'applied';
    },
  };
}
