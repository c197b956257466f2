import type { WindowKey } from '@kandle/market/window/window';
import { ABSENT_SHARD, type ShardState } from '@kandle/market/window/shard-state';
import { ABSENT_WINDOW, type WindowState } from '@kandle/market/window/window-state';
import type { Stores } from './faulty-stores.ts';

/** Stores in memory, under the same contract as those in Cassandra, with a look inside. */
export interface MemoryStores extends Stores {
  windowAt(key: WindowKey): WindowState;
  shardAt(shard: string): ShardState;
}

/** Empty stores. */
export function createMemoryStores(): MemoryStores {
  const windows = new Map<string, WindowState>();
  const shards = new Map<string, ShardState>();
  const keyOf = ({ shard, windowStartMs }: WindowKey): string => `${shard}|${windowStartMs}`;
  const windowAt = (key: WindowKey): WindowState => windows.get(keyOf(key)) ?? ABSENT_WINDOW;
  const shardAt = (shard: string): ShardState => shards.get(shard) ?? ABSENT_SHARD;

  return {
    windowAt,
    shardAt,
    windows: {
      read: async (key) => windowAt(key),
      async written(shard, firstMs, lastMs) {
        const starts = [...windows.keys()].map((text) => text.split('|'));
        return starts
          .filter(([name]) => name === shard)
          .map(([, startMs]) => Number(startMs))
          .filter((startMs) => firstMs <= startMs && startMs <= lastMs)
          .toSorted((a, b) => a - b);
      },
      async compareAndSet(key, next, written) {
        const current = windowAt(key);
        if (current.version !== next.version - 1) return 'lost';
        const { version, finalVersion, incompleteVersion } = next;
        // Only what the statement names is written.
        const stored = written === 'all' ? next : { ...current, version, finalVersion, incompleteVersion };
        windows.set(keyOf(key), stored);
        return 'applied';
      },
    },
    shards: {
      read: async (shard) => shardAt(shard),
      async compareAndSet(shard, next) {
        if (shardAt(shard).version !== next.version - 1) return 'lost';
        shards.set(shard, next);
        return 'applied';
      },
    },
  };
}
