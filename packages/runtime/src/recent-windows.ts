import type { WindowKey } from '@kandle/market/window/window';
import { LRUCache } from 'lru-cache';

/**
 * The windows that a process wrote or read last. What it holds may be old: every write is conditional on the
 * version.
 */
export interface RecentWindows<Window> {
  get(key: WindowKey): Window | undefined;
  /** Holds a window, unless it was never written: absence is nothing to remember. */
  set(key: WindowKey, window: Window): void;
  drop(key: WindowKey): void;
}

/** How much is held. */
export interface RecentWindowsOptions {
  /** Most symbol rows over all windows; one window is always held, however large. */
  readonly maxRows: number;
  readonly monotonicMs: () => number;
}

/** After so long without a use a window goes: memory is what the market of the last minutes needs. */
const KEEP_MS = 300_000;
/** How often is looked for such windows; until then they may still be used. */
const PURGE_MS = 10_000;

/** An empty memory, bounded by rows and by time without use; the least recently used window goes first. */
export function createRecentWindows<
  Window extends { readonly version: number; readonly rows: { readonly size: number } },
>({ maxRows, monotonicMs }: RecentWindowsOptions): RecentWindows<Window> {
  const cache = new LRUCache<string, Window>({
    maxSize: maxRows,
    // An empty window weighs something too, or a flood of them would be unbounded.
    sizeCalculation: (window) => Math.min(window.rows.size + 1, maxRows),
    ttl: KEEP_MS,
    ttlResolution: 0,
    perf: { now: monotonicMs },
    updateAgeOnGet: true,
    // What is out of date goes in `purge` alone, not in the middle of a look.
    allowStale: true,
    noDeleteOnStaleGet: true,
  });
  let purgedMs = monotonicMs();

  function purge(): void {
    if (monotonicMs() - purgedMs < PURGE_MS) return;
    purgedMs = monotonicMs();
    cache.purgeStale();
  }

  return {
    get: (key) => cache.get(textOf(key)),
    set(key, window) {
      const text = textOf(key);
      if (window.version === 0) cache.delete(text);
      else cache.set(text, window);
      purge();
    },
    drop: (key) => void cache.delete(textOf(key)),
  };
}

function textOf({ shard, windowStartMs }: WindowKey): string {
  return `${shard}|${windowStartMs}`;
}
