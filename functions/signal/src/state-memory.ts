import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import type { StateWindow } from '@kandle/market/signal/series-state';
import type { StateStore } from './stores.ts';

/** A window with those before it that its states may continue from, and which windows after it there are. */
export interface Surroundings {
  /** Windows from `reach` before up to this one that exist, ascending. */
  readonly windows: ReadonlyMap<number, StateWindow>;
  /** Starts of the windows up to `reach` after this one that exist, ascending; null if that is not known. */
  readonly later: readonly number[] | null;
}

/** The same, just read. */
export type FreshSurroundings = Surroundings & { readonly later: readonly number[] };

/**
 * What this process knows of the states, so that the usual event needs no read before its write.
 *
 * Bounded by the number of symbol rows held, and by how long a window is not used; the least recently used window goes
 * first. It may be old: every write is conditional on the window's version, and after a write the surroundings are read afresh.
 */
export interface StateMemory {
  /** The surroundings as last seen, which may be old; null if too little is known. */
  recall(key: WindowKey): Surroundings | null;
  /** The surroundings as of now: versions are read, and the windows whose version is not the known one. */
  refresh(key: WindowKey): Promise<FreshSurroundings>;
  /** The window as of now. */
  read(key: WindowKey): Promise<StateWindow>;
  set(key: WindowKey, window: StateWindow): void;
  drop(key: WindowKey): void;
}

/** No series reaches back so far by default: what was not used for so long is a silent shard's, or too old. */
const KEEP_MS = 300_000;

interface Held {
  readonly key: WindowKey;
  readonly window: StateWindow;
  readonly usedMs: number;
}

/**
 * @param reach How far back a state may continue from, in windows.
 * @param maxRows Most symbol rows held over all windows; one window is always held, however large.
 * @param nowMs Monotonic time.
 */
export function createStateMemory(
  store: StateStore,
  reach: number,
  maxRows: number,
  nowMs = () => performance.now(),
): StateMemory {
  const windows = new Map<string, Held>();
  /** By shard: the stretch of time of which it was last read which windows exist. */
  const stretches = new Map<string, { readonly fromMs: number; readonly toMs: number }>();
  let rows = 0;

  function drop(text: string): void {
    const held = windows.get(text);
    if (held === undefined) return;
    windows.delete(text);
    rows -= held.window.rows.size + 1;
  }

  /** Which windows exist in the stretch is no longer known without a look, once one of them is not held any more. */
  function forget({ shard, windowStartMs }: WindowKey): void {
    const stretch = stretches.get(shard);
    if (stretch !== undefined && windowStartMs >= stretch.fromMs) stretches.delete(shard);
  }

  function set(key: WindowKey, window: StateWindow): void {
    const text = textOf(key);
    drop(text);
    if (window.version === 0) return;
    const usedMs = nowMs();
    windows.set(text, { key, window, usedMs });
    rows += window.rows.size + 1;
    for (const [oldest, held] of windows) {
      if (oldest === text || (rows <= maxRows && usedMs - held.usedMs < KEEP_MS)) break;
      drop(oldest);
      forget(held.key);
    }
  }

  function startsAround(windowStartMs: number, from: number, to: number): number[] {
    return Array.from({ length: to - from + 1 }, (_, i) => windowStartMs + (from + i) * WINDOW_MS);
  }

  async function readWindow(key: WindowKey): Promise<StateWindow> {
    const window = await store.read(key);
    set(key, window);
    return window;
  }

  return {
    recall({ shard, windowStartMs }) {
      const stretch = stretches.get(shard);
      const fromMs = windowStartMs - reach * WINDOW_MS;
      if (stretch === undefined || fromMs < stretch.fromMs || windowStartMs > stretch.toMs) return null;
      const known = startsAround(windowStartMs, -reach, reach).flatMap((startMs) => {
        const text = textOf({ shard, windowStartMs: startMs });
        const held = startMs <= stretch.toMs ? windows.get(text) : undefined;
        if (held === undefined) return [];
        windows.delete(text);
        windows.set(text, { ...held, usedMs: nowMs() });
        return [[startMs, held.window] as const];
      });
      return {
        windows: new Map(known.filter(([startMs]) => startMs <= windowStartMs)),
        later:
          windowStartMs < stretch.toMs
            ? known.map(([startMs]) => startMs).filter((startMs) => startMs > windowStartMs)
            : null,
      };
    },
    async refresh({ shard, windowStartMs }) {
      const starts = startsAround(windowStartMs, -reach, reach);
      const versions = await store.readVersions(shard, starts);
      const present = starts.filter((startMs) => startMs <= windowStartMs && versions.has(startMs));
      const current = await Promise.all(
        present.map(async (startMs) => {
          const key = { shard, windowStartMs: startMs };
          const known = windows.get(textOf(key))?.window;
          return known?.version === versions.get(startMs) && known !== undefined
            ? ([startMs, known] as const)
            : ([startMs, await readWindow(key)] as const);
        }),
      );
      for (const [startMs, window] of current) set({ shard, windowStartMs: startMs }, window);
      const [fromMs = windowStartMs] = starts;
      // Later windows that exist were not read, so beyond them nothing is known.
      const later = starts.filter((startMs) => startMs > windowStartMs && versions.has(startMs));
      stretches.set(shard, {
        fromMs,
        toMs: later[0] === undefined ? (starts.at(-1) ?? fromMs) : windowStartMs,
      });
      return { windows: new Map(current), later };
    },
    read: readWindow,
    set,
    drop(key) {
      drop(textOf(key));
      stretches.delete(key.shard);
    },
  };
}

function textOf({ shard, windowStartMs }: WindowKey): string {
  return `${shard}|${windowStartMs}`;
}
