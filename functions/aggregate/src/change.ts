import type { ShardState } from '@kandle/market/window/shard-state';
import type { WindowKey } from '@kandle/market/window/window';
import type { WindowChange, WindowState } from '@kandle/market/window/window-state';
import { changeVersioned } from '@kandle/runtime/change-versioned';
import type { CasOutcome } from '@kandle/runtime/conditional';
import type { AggregateDeps } from './deps.ts';

/**
 * Most windows of a batch or a gap that are changed at once: each is a partition of its own, changed by a
 * transaction of its own, and none depends on what another holds.
 */
export const WINDOWS_AT_ONCE = 8;

/** A change of one window. */
export interface ChangeOfWindow {
  /** What is done to it, for the error if every race is lost: `close`. */
  readonly action: string;
  /** The window as memory has it, where that is good enough to begin from; it is read otherwise. */
  readonly known: WindowState | undefined;
  /**
   * The window's next version; null if it is as it ought to be, by our own write too whose outcome was unknown.
   *
   * @param last How the write before ended; null if there was none.
   */
  readonly change: (window: WindowState, last: CasOutcome | null) => WindowChange | null;
}

/** A window as it is now, with the symbols whose rows were written; null if nothing was left to write. */
export interface ChangedWindow {
  readonly window: WindowState;
  readonly written: readonly string[] | null;
}

/**
 * Changes a window by one transaction.
 *
 * @throws {RetryableError} If the race for the window is lost too often, or the database is away.
 */
export async function changeWindow(
  deps: Pick<AggregateDeps, 'windows' | 'cache' | 'maxAttempts' | 'backOff'>,
  key: WindowKey,
  { action, known, change }: ChangeOfWindow,
): Promise<ChangedWindow> {
  const { shard, windowStartMs } = key;

  async function read(): Promise<WindowState> {
    const window = await deps.windows.read(key);
    deps.cache.set(key, window);
    return window;
  }

  async function write({ next, changed }: WindowChange): Promise<CasOutcome> {
    // Any result but "applied", an exception included, leaves no memory of the window.
    deps.cache.drop(key);
    const outcome = await deps.windows.compareAndSet(key, next, changed.length > 0 ? 'all' : 'versions');
    if (outcome === 'applied') deps.cache.set(key, next);
    return outcome;
  }

  return await changeVersioned<WindowState, ChangedWindow>({
    action: `${action} window ${windowStartMs} of ${shard}`,
    facts: { shard, windowStartMs },
    maxAttempts: deps.maxAttempts,
    backOff: deps.backOff,
    read: (last) => (last === null ? known : undefined) ?? read(),
    change(window, last) {
      const changed = change(window, last);
      if (changed === null) return { kind: 'done', result: { window, written: null } };
      const result = { window: changed.next, written: changed.changed };
      return { kind: 'write', write: () => write(changed), result };
    },
  });
}

/** A change of a shard's row. */
export interface ChangeOfShard {
  /** What cannot be done if every race is lost: `close windows`. */
  readonly action: string;
  /** The row as memory has it, where that is good enough to begin from; it is read otherwise. */
  readonly known?: ShardState;
  /** The row's next version; null if it is as it ought to be. */
  readonly change: (state: ShardState) => Promise<ShardState | null> | ShardState | null;
}

/**
 * Changes a shard's row by one transaction.
 *
 * @returns The row as it is now.
 * @throws {RetryableError} If the race for the row is lost too often, or the database is away.
 */
export async function changeShard(
  deps: Pick<AggregateDeps, 'shards' | 'maxAttempts' | 'backOff'>,
  shard: string,
  { action, known, change }: ChangeOfShard,
): Promise<ShardState> {
  return await changeVersioned<ShardState, ShardState>({
    action: `${action} of ${shard}`,
    facts: { shard },
    maxAttempts: deps.maxAttempts,
    backOff: deps.backOff,
    read: (last) => (last === null ? known : undefined) ?? deps.shards.read(shard),
    async change(state) {
      const next = await change(state);
      if (next === null) return { kind: 'done', result: state };
      return { kind: 'write', write: () => deps.shards.compareAndSet(shard, next), result: next };
    },
  });
}
