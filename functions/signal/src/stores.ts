import type { WindowKey } from '@kandle/market/window/window';
import type { CasOutcome } from '@kandle/runtime/conditional';
import type { StateWindow } from '@kandle/market/signal/series-state';

/**
 * The states in the database: linearisable reads, and writes that apply only on the version they were made
 * from. All throw RetryableError when the database is not to be had.
 */
export interface StateStore {
  /** The window as of now; a window that was never written has version 0. */
  read(key: WindowKey): Promise<StateWindow>;
  /** The versions of those of the windows that exist; every write that was acknowledged before is seen. */
  readVersions(shard: string, windowStartsMs: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /**
   * Replaces version `next.version - 1` by `next`, in one transaction.
   *
   * @param changed Symbols whose rows differ from the version before.
   */
  compareAndSet(key: WindowKey, next: StateWindow, changed: readonly string[]): Promise<CasOutcome>;
}
