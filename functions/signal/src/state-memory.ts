import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import type { StateWindow } from '@kandle/market/signal/series-state';
import { createRecentWindows } from '@kandle/runtime/recent-windows';
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
 * Bounded by the number of symbol rows held, and by how long a window is not used; the least recently used
 * window goes first. It may be old: every write is conditional on the window's version, and after a write the
 * surroundings are read afresh.
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

/** How a memory is made. */
export interface StateMemoryOptions {
  /** How far back a state may continue from, in windows. */
  readonly reach: number;
  /** Most symbol rows held over all windows; one window is always held, however large. */
  readonly maxRows: number;
  readonly monotonicMs: () => number;
}

/** A memory of a store of which nothing is known yet. */
export function createStateMemory(
  store: StateStore,
  { reach, maxRows, monotonicMs }: StateMemoryOptions,
): StateMemory {
  /** By shard: the stretch of time of which it was last read which windows exist. */
  const stretches = new Map<string, { readonly fromMs: number; readonly toMs: number }>();
  const windows = createRecentWindows<StateWindow>({
    maxRows,
    monotonicMs,
    // Which windows exist in the stretch is no longer known without a look, once one of them is not held any
    // more.
    onGone({ shard, windowStartMs }) {
      const stretch = stretches.get(shard);
      if (stretch !== undefined && windowStartMs >= stretch.fromMs) stretches.delete(shard);
    },
  });

  function startsAround(windowStartMs: number, from: number, to: number): number[] {
    return Array.from({ length: to - from + 1 }, (_, i) => windowStartMs + (from + i) * WINDOW_MS);
  }

  async function readWindow(key: WindowKey): Promise<StateWindow> {
    const window = await store.read(key);
    windows.set(key, window);
    return window;
  }

  return {
    recall({ shard, windowStartMs }) {
      const stretch = stretches.get(shard);
      const fromMs = windowStartMs - reach * WINDOW_MS;
      if (stretch === undefined || fromMs < stretch.fromMs || windowStartMs > stretch.toMs) return null;
      const known = startsAround(windowStartMs, -reach, reach).flatMap((startMs) => {
        const window = startMs <= stretch.toMs ? windows.get({ shard, windowStartMs: startMs }) : undefined;
        return window === undefined ? [] : [[startMs, window] as const];
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
          const known = windows.get(key);
          return known?.version === versions.get(startMs) && known !== undefined
            ? ([startMs, known] as const)
            : ([startMs, await readWindow(key)] as const);
        }),
      );
      for (const [startMs, window] of current) windows.set({ shard, windowStartMs: startMs }, window);
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
    set: windows.set,
    drop(key) {
      windows.drop(key);
      stretches.delete(key.shard);
    },
  };
}
