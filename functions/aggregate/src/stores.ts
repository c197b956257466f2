import type { WindowKey } from '@kandle/market/window/window';
import type { ShardState } from '@kandle/market/window/shard-state';
import type { WindowState } from '@kandle/market/window/window-state';
import type { CasOutcome } from '@kandle/runtime/conditional';

/** What of a window a transaction writes. */
export type WindowPart = 'all' | 'versions';

/**
 * The windows in the database: linearisable reads, and writes that apply only on the version they were made
 * from. Both throw RetryableError when the database is not to be had.
 */
export interface WindowStore {
  /** The window as of now; a window that was never written has version 0. */
  read(key: WindowKey): Promise<WindowState>;
  /**
   * The starts, ascending, of the windows from the first to the last start that were written: all that were
   * closed before the call, and perhaps others. Cheap where there are none.
   */
  written(shard: string, firstMs: number, lastMs: number): Promise<readonly number[]>;
  /**
   * Replaces version `next.version - 1` by `next`, in one transaction.
   *
   * @param written What differs from the version before: the versions alone, as closing and marking change
   *   them, or everything.
   * @throws {PoisonError} If the window holds more symbols than a transaction takes.
   */
  compareAndSet(key: WindowKey, next: WindowState, written: WindowPart): Promise<CasOutcome>;
}

/** The shards' rows in the database, under the same rules. */
export interface ShardStore {
  read(shard: string): Promise<ShardState>;
  /** Replaces version `next.version - 1` by `next`. */
  compareAndSet(shard: string, next: ShardState): Promise<CasOutcome>;
}
