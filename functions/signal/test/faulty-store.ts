import type { CasOutcome } from '@kandle/runtime/conditional';
import { RetryableError } from '@kandle/runtime/errors';
import type { StateStore } from '../src/stores.ts';

/** What a fault does to one statement; `late` takes effect at some later time, or never. */
export type Fault = 'none' | 'error' | 'unknown_applied' | 'unknown_lost' | 'unknown_late';

/** Awaited before each statement takes place; decides its fault. A statement never let through never takes place. */
export type BeforeStatement = (kind: 'read' | 'write') => Promise<Fault>;

/** A database, in memory or real, with every statement under the test's control. */
export interface FaultyDatabase {
  /** The store as one process sees it. */
  connect(before: BeforeStatement): StateStore;
  /** The store without faults. */
  readonly store: StateStore;
  readonly counts: { reads: number; writes: number };
  /** Writes whose outcome is still open: calling one lets it take effect, if its condition still holds. */
  readonly late: (() => Promise<unknown>)[];
  /** Resolves when no statement is under way. */
  settle(): Promise<void>;
}

/** Puts faults in front of a store. */
export function createFaultyDatabase(store: StateStore): FaultyDatabase {
  const counts = { reads: 0, writes: 0 };
  const late: (() => Promise<unknown>)[] = [];
  const running = new Set<Promise<unknown>>();

  function follow<T>(statement: Promise<T>): Promise<T> {
    running.add(statement);
    const forget = (): boolean => running.delete(statement);
    statement.then(forget, forget);
    return statement;
  }

  function connect(before: BeforeStatement): StateStore {
    async function read<T>(look: () => Promise<T>): Promise<T> {
      counts.reads += 1;
      if ((await before('read')) !== 'none') throw new RetryableError('Cannot read: the database is away');
      return await follow(look());
    }
    return {
      read: (key) => read(() => store.read(key)),
      readVersions: (shard, starts) => read(() => store.readVersions(shard, starts)),
      async compareAndSet(key, next, changed): Promise<CasOutcome> {
        counts.writes += 1;
        const fault = await before('write');
        if (fault === 'error') throw new RetryableError('Cannot write: the database is away');
        if (fault === 'unknown_lost') return 'unknown';
        const effect = (): Promise<CasOutcome> => follow(store.compareAndSet(key, next, changed));
        if (fault === 'unknown_late') {
          late.push(effect);
          return 'unknown';
        }
        const outcome = await effect();
        return fault === 'unknown_applied' ? 'unknown' : outcome;
      },
    };
  }

  return {
    connect,
    store,
    counts,
    late,
    async settle() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
