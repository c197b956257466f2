import { ABSENT_SHARD, type ShardState } from '@kandle/market/shard-state';
import { ABSENT_WINDOW, type WindowState } from '@kandle/market/window-state';
import { RetryableError } from '@kandle/runtime/errors';
import type { CasOutcome, ShardStore, WindowKey, WindowStore } from '../src/stores.ts';

/** What a fault does to one statement; `late` takes effect at some later time, or never. */
export type Fault = 'none' | 'error' | 'unknown_applied' | 'unknown_lost' | 'unknown_late';

/** Awaited before each statement takes place; decides its fault. A statement never let through never takes place. */
export type BeforeStatement = (kind: 'read' | 'write') => Promise<Fault>;

/** The database in memory, with every statement under the test's control. */
export interface MemoryDatabase {
  /** The stores as one process sees them. */
  connect(before: BeforeStatement): { readonly windows: WindowStore; readonly shards: ShardStore };
  /** Statements so far, by kind. */
  readonly counts: { reads: number; writes: number };
  /** Writes whose outcome is still open: calling one lets it take effect, if its condition still holds. */
  readonly late: (() => void)[];
  windowAt(key: WindowKey): WindowState;
  shardAt(shard: string): ShardState;
}

/** An empty database. */
export function createMemoryDatabase(): MemoryDatabase {
  const windows = new Map<string, WindowState>();
  const shards = new Map<string, ShardState>();
  const counts = { reads: 0, writes: 0 };
  const late: (() => void)[] = [];
  const keyOf = ({ shard, windowStartMs }: WindowKey): string => `${shard}|${windowStartMs}`;
  const windowAt = (key: WindowKey): WindowState => windows.get(keyOf(key)) ?? ABSENT_WINDOW;
  const shardAt = (shard: string): ShardState => shards.get(shard) ?? ABSENT_SHARD;

  function writeWindow(key: WindowKey, next: WindowState, changed: readonly string[]): boolean {
    const current = windowAt(key);
    if (current.version !== next.version - 1) return false;
    // Only what the statement names is written: rows that are not in `changed` stay as they are.
    const rows = new Map(current.rows);
    for (const symbol of changed) {
      const row = next.rows.get(symbol);
      if (row !== undefined) rows.set(symbol, row);
    }
    windows.set(keyOf(key), { ...next, rows });
    return true;
  }

  function writeShard(shard: string, next: ShardState): boolean {
    if (shardAt(shard).version !== next.version - 1) return false;
    shards.set(shard, next);
    return true;
  }

  function connect(before: BeforeStatement) {
    async function read<T>(look: () => T): Promise<T> {
      counts.reads += 1;
      if ((await before('read')) !== 'none') throw new RetryableError('Cannot read: the database is away');
      return look();
    }

    async function write(effect: () => boolean): Promise<CasOutcome> {
      counts.writes += 1;
      const fault = await before('write');
      if (fault === 'error') throw new RetryableError('Cannot write: the database is away');
      if (fault === 'unknown_lost') return 'unknown';
      if (fault === 'unknown_late') {
        late.push(effect);
        return 'unknown';
      }
      const applied = effect();
      if (fault === 'unknown_applied') return 'unknown';
      return applied ? 'applied' : 'lost';
    }

    return {
      windows: {
        read: (key: WindowKey) => read(() => windowAt(key)),
        compareAndSet: (key: WindowKey, next: WindowState, changed: readonly string[]) =>
          write(() => writeWindow(key, next, changed)),
      },
      shards: {
        read: (shard: string) => read(() => shardAt(shard)),
        compareAndSet: (shard: string, next: ShardState) => write(() => writeShard(shard, next)),
      },
    };
  }

  return { connect, counts, late, windowAt, shardAt };
}
