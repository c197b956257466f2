import type { WindowKey } from '@kandle/market/window/window';
import type { WindowState } from '@kandle/market/window/window-state';

/**
 * The windows that this process wrote or read last, so that the usual batch needs no read.
 *
 * Bounded by the number of symbol rows held, and by how long a window is not used: the least recently used goes first,
 * so that memory is what the market of the last minutes needs and grows no further. What it holds may be old:
 * every write is conditional on the version, and any outcome but "applied" drops the window. A window that was
 * never written is never held.
 */
export interface WindowCache {
  get(key: WindowKey): WindowState | undefined;
  set(key: WindowKey, window: WindowState): void;
  drop(key: WindowKey): void;
}

/** After so long without a trade a window's next one may cost a read. */
const KEEP_MS = 300_000;

interface Held {
  readonly window: WindowState;
  readonly usedMs: number;
}

/**
 * @param maxRows Most symbol rows held over all windows; one window is always held, however large.
 * @param nowMs Monotonic time.
 */
export function createWindowCache(maxRows: number, nowMs = () => performance.now()): WindowCache {
  const windows = new Map<string, Held>();
  let rows = 0;

  function drop(text: string): void {
    const held = windows.get(text);
    if (held === undefined) return;
    windows.delete(text);
    rows -= weightOf(held.window);
  }

  return {
    get(key) {
      const text = textOf(key);
      const held = windows.get(text);
      if (held === undefined) return undefined;
      windows.delete(text);
      windows.set(text, { window: held.window, usedMs: nowMs() });
      return held.window;
    },
    set(key, window) {
      const text = textOf(key);
      drop(text);
      if (window.version === 0) return;
      const usedMs = nowMs();
      windows.set(text, { window, usedMs });
      rows += weightOf(window);
      for (const [oldest, held] of windows) {
        if (oldest === text || (rows <= maxRows && usedMs - held.usedMs < KEEP_MS)) break;
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
