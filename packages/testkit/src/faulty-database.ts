import type { CasOutcome } from '@kandle/runtime/conditional';
import { RetryableError } from '@kandle/runtime/errors';

/** What a fault does to one statement; `unknown_late` takes effect at some later time, or never. */
export type Fault = 'none' | 'error' | 'unknown_applied' | 'unknown_lost' | 'unknown_late';

/**
 * Awaited before each statement takes place; decides its fault. A statement never let through never takes
 * place.
 */
export type BeforeStatement = (kind: 'read' | 'write') => Promise<Fault>;

/** Puts one statement behind `BeforeStatement`. */
export interface Guard {
  read<T>(look: () => Promise<T>): Promise<T>;
  write(effect: () => Promise<CasOutcome>): Promise<CasOutcome>;
}

/** A database, in memory or real, with every statement under the test's control. */
export interface FaultyDatabase<Stores> {
  /** The stores as one process sees them. */
  connect(before: BeforeStatement): Stores;
  /** The stores without faults. */
  readonly stores: Stores;
  /** Statements so far, by kind. */
  readonly counts: { reads: number; writes: number };
  /** Writes whose outcome is still open: calling one lets it take effect, if its condition still holds. */
  readonly late: (() => Promise<unknown>)[];
  /** Resolves when no statement is under way. */
  whenIdle(): Promise<void>;
}

/**
 * Puts faults in front of stores.
 *
 * @param guarded The same stores with every statement behind the guard.
 */
export function createFaultyDatabase<Stores>(
  stores: Stores,
  guarded: (guard: Guard) => Stores,
): FaultyDatabase<Stores> {
  const counts = { reads: 0, writes: 0 };
  const late: (() => Promise<unknown>)[] = [];
  const running = new Set<Promise<unknown>>();

  function follow<T>(statement: Promise<T>): Promise<T> {
    running.add(statement);
    const forget = (): boolean => running.delete(statement);
    statement.then(forget, forget);
    return statement;
  }

  return {
    stores,
    counts,
    late,
    connect: (before) =>
      guarded({
        async read(look) {
          counts.reads += 1;
          if ((await before('read')) !== 'none')
            throw new RetryableError('Cannot read: the database is away');
          return await follow(look());
        },
        async write(effect) {
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
        },
      }),
    async whenIdle() {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
