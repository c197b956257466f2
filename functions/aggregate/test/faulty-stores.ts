import type { ShardState } from '@kandle/market/shard-state';
import type { WindowState } from '@kandle/market/window-state';
import type { CasOutcome } from '@kandle/runtime/conditional';
import { RetryableError } from '@kandle/runtime/errors';
import type { ShardStore, WindowKey, WindowStore } from '../src/stores.ts';

/** Both stores of one database. */
export interface Stores {
  readonly windows: WindowStore;
  readonly shards: ShardStore;
}

/** What a fault does to one statement; `late` takes effect at some later time, or never. */
export type Fault = 'none' | 'error' | 'unknown_applied' | 'unknown_lost' | 'unknown_late';

/** Awaited before each statement takes place; decides its fault. A statement never let through never takes place. */
export type BeforeStatement = (kind: 'read' | 'write') => Promise<Fault>;

/** A database, in memory or real, with every statement under the test's control. */
export interface FaultyDatabase {
  /** The stores as one process sees them. */
  connect(before: BeforeStatement): Stores;
  /** The stores without faults. */
  readonly stores: Stores;
  /** Statements so far, by kind. */
  readonly counts: { reads: number; writes: number };
  /** Writes whose outcome is still open: calling one lets it take effect, if its condition still holds. */
  readonly late: (() => Promise<unknown>)[];
  /** Resolves when no statement is under way. */
  settle(): Promise<void>;
}

/** Puts faults in front of stores. */
export function createFaultyDatabase(stores: Stores): FaultyDatabase {
  const counts = { reads: 0, writes: 0 };
  const late: (() => Promise<unknown>)[] = [];
  const running = new Set<Promise<unknown>>();

  function follow<T>(statement: Promise<T>): Promise<T> {
    running.add(statement);
    const forget = (): boolean => running.delete(statement);
    statement.then(forget, forget);
    return statement;
  }

  function connect(before: BeforeStatement): Stores {
    async function read<T>(look: () => Promise<T>): Promise<T> {
      counts.reads += 1;
      if ((await before('read')) !== 'none') throw new RetryableError('Cannot read: the database is away');
      return await follow(look());
    }

    async function write(effect: () => Promise<CasOutcome>): Promise<CasOutcome> {
      counts.writes += 1;
      const fault = await before('write');
      if (fault === 'error') throw new RetryableError('Cannot write: the database is away');
      if (fault === 'unknown_lost') return 'unknown';
      if (fault === 'unknown_late') {
        late.push(() => follow(effect()));
        return 'unknown';
      }
      const outcome = await follow(effect());
      return fault === 'unknown_applied' ? 'unknown' : outcome;
    }

    return {
      windows: {
        read: (key: WindowKey) => read(() => stores.windows.read(key)),
        written: (shard: string, firstMs: number, lastMs: number) =>
          read(() => stores.windows.written(shard, firstMs, lastMs)),
        compareAndSet: (key: WindowKey, next: WindowState, changed: readonly string[]) =>
          write(() => stores.windows.compareAndSet(key, next, changed)),
      },
      shards: {
        read: (shard: string) => read(() => stores.shards.read(shard)),
        compareAndSet: (shard: string, next: ShardState) =>
          write(() => stores.shards.compareAndSet(shard, next)),
      },
    };
  }

  async function settle(): Promise<void> {
    while (running.size > 0) await Promise.allSettled(running);
  }

  return { connect, stores, counts, late, settle };
}
