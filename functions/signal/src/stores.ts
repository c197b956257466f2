import type { WindowKey } from '@kandle/market/window/window';
import type { CasOutcome } from '@kandle/runtime/conditional';
import type { StateWindow } from '@kandle/market/signal/series-state';

/** Windows that are written under one count of changes: those of an hour of a shard. */
export const HOUR_MS = 3_600_000;

/** The hour that a window belongs to. */
export function hourOf(windowStartMs: number): number {
  return Math.floor(windowStartMs / HOUR_MS) * HOUR_MS;
}

/**
 * The states in the database: linearisable reads, and writes that apply only if nobody has written to the hour
 * meanwhile. All throw RetryableError when the database is not to be had.
 */
export interface StateStore {
  /** The window as of now; a window that was never written has version 0. */
  read(key: WindowKey): Promise<StateWindow>;
  /**
   * How often the windows of an hour were written; it completes what is half done. What is read after it is at
   * least as new, and a write that names it applies only if it is no newer.
   */
  readChanges(shard: string, hourMs: number): Promise<number>;
  /**
   * The versions of the windows from the first to the last start that exist; every write that was acknowledged
   * before is seen.
   */
  readVersions(shard: string, firstMs: number, lastMs: number): Promise<ReadonlyMap<number, number>>;
  /**
   * Replaces version `next.version - 1` by `next`, in one transaction, if the hour has had so many changes, and
   * makes them one more.
   *
   * @throws {PoisonError} If the window holds more symbols than a transaction takes.
   */
  compareAndSet(key: WindowKey, next: StateWindow, changes: number): Promise<CasOutcome>;
}
