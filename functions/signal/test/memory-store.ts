import type { CasOutcome } from '@kandle/runtime/conditional';
import { RetryableError } from '@kandle/runtime/errors';
import { ABSENT, type StateWindow } from '../src/state.ts';
import type { StateStore, WindowKey } from '../src/stores.ts';

/** What a fault does to one statement; `late` takes effect at some later time, or never. */
export type Fault = 'none' | 'error' | 'unknown_applied' | 'unknown_lost' | 'unknown_late';

/** Awaited before each statement takes place; decides its fault. A statement never let through never takes place. */
export type BeforeStatement = (kind: 'read' | 'write') => Promise<Fault>;

/** The database in memory, with every statement under the test's control. */
export interface MemoryDatabase {
  /** The store as one process sees it. */
  connect(before: BeforeStatement): StateStore;
  readonly counts: { reads: number; writes: number };
  /** Writes whose outcome is still open: calling one lets it take effect, if its condition still holds. */
  readonly late: (() => void)[];
  windowAt(key: WindowKey): StateWindow;
  /** Starts of the shard's windows that exist, ascending. */
  startsOf(shard: string): readonly number[];
}

/** An empty database. */
export function createMemoryDatabase(): MemoryDatabase {
  const windows = new Map<string, StateWindow>();
  const counts = { reads: 0, writes: 0 };
  const late: (() => void)[] = [];
  const keyOf = ({ shard, windowStartMs }: WindowKey): string => `${shard}|${windowStartMs}`;
  const windowAt = (key: WindowKey): StateWindow => windows.get(keyOf(key)) ?? ABSENT;

  function write(key: WindowKey, next: StateWindow, changed: readonly string[]): boolean {
    const current = windowAt(key);
    if (current.version !== next.version - 1) return false;
    // Only what the statement names is written: rows that are not in `changed` stay as they are.
    const rows = new Map(current.rows);
    for (const symbol of changed) {
      const row = next.rows.get(symbol);
      // Through JSON, as what is stored is text.
      if (row !== undefined) rows.set(symbol, JSON.parse(JSON.stringify(row)));
    }
    windows.set(keyOf(key), { ...next, rows });
    return true;
  }

  return {
    connect(before) {
      async function read<T>(look: () => T): Promise<T> {
        counts.reads += 1;
        if ((await before('read')) !== 'none') throw new RetryableError('Cannot read: the database is away');
        return look();
      }
      return {
        read: (key) => read(() => windowAt(key)),
        readVersions: (shard, starts) =>
          read(() => {
            const found = starts.map((startMs) => {
              const { version } = windowAt({ shard, windowStartMs: startMs });
              return [startMs, version] as const;
            });
            return new Map(found.filter(([, version]) => version > 0));
          }),
        async compareAndSet(key, next, changed): Promise<CasOutcome> {
          counts.writes += 1;
          const fault = await before('write');
          if (fault === 'error') throw new RetryableError('Cannot write: the database is away');
          if (fault === 'unknown_lost') return 'unknown';
          if (fault === 'unknown_late') {
            late.push(() => write(key, next, changed));
            return 'unknown';
          }
          const applied = write(key, next, changed);
          if (fault === 'unknown_applied') return 'unknown';
          return applied ? 'applied' : 'lost';
        },
      };
    },
    counts,
    late,
    windowAt,
    startsOf: (shard) =>
      [...windows.keys()]
        .filter((text) => text.startsWith(`${shard}|`))
        .map((text) => Number(text.slice(shard.length + 1)))
        .toSorted((a, b) => a - b),
  };
}
