import { createFaultyDatabase, type FaultyDatabase } from '@kandle/testkit/faulty-database';
import type { ShardStore, WindowStore } from '../src/stores.ts';

/** Both stores of one database. */
export interface Stores {
  readonly windows: WindowStore;
  readonly shards: ShardStore;
}

/** Puts faults in front of stores. */
export function createFaultyStores(stores: Stores): FaultyDatabase<Stores> {
  const { windows, shards } = stores;
  return createFaultyDatabase(stores, ({ read, write }) => ({
    windows: {
      read: (key) => read(() => windows.read(key)),
      written: (...args) => read(() => windows.written(...args)),
      compareAndSet: (...args) => write(() => windows.compareAndSet(...args)),
    },
    shards: {
      read: (shard) => read(() => shards.read(shard)),
      compareAndSet: (...args) => write(() => shards.compareAndSet(...args)),
    },
  }));
}
