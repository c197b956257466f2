import type { WindowState } from '@kandle/market/window-state';
import type { WindowKey } from './stores.ts';

/**
 * The windows that this process wrote or read last, so that the usual batch needs no read.
 *
 * Bounded by the number of symbol rows held; the least recently used window goes first. What it holds may be old:
 * every write is conditional on the version, and any outcome but "applied" drops the window. A window that was
 * never written is never held.
 */
export interface WindowCache {
  get(key: WindowKey): WindowState | undefined;
  set(key: WindowKey, window: WindowState): void;
  drop(key: WindowKey): void;
}

/** @param maxRows Most symbol rows held over all windows; one window is always held, however large. */
export function createWindowCache(maxRows: number): WindowCache {
  const windows = new Map<string, WindowState>();
  let rows = 0;

  function drop(text: string): void {
    const window = windows.get(text);
    if (window === undefined) return;
    windows.delete(text);
    rows -= weightOf(window);
  }

  return {
    get(key) {
      const text = textOf(key);
      const window = windows.get(text);
      if (window === undefined) return undefined;
      windows.delete(text);
      windows.set(text, window);
      return window;
    },
    set(key, window) {
      const text = textOf(key);
      drop(text);
      if (window.version === 0) return;
      windows.set(text, window);
      rows += weightOf(window);
      for (const oldest of windows.keys()) {
        if (rows <= maxRows || oldest === text) break;
        drop(oldest);
      }
    },
    drop: (key) => drop(textOf(key)),
  };
}

function textOf({ shard, windowStartMs }: WindowKey): string {
  return `${shard}|${windowStartMs}`;
}

/** An empty window weighs something too, or a flood of them would be unbounded. */
function weightOf(window: WindowState): number {
  return window.rows.size + 1;
}
