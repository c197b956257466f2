import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import type { StateWindow } from '@kandle/market/signal/series-state';
import { createRecentWindows } from '@kandle/runtime/recent-windows';
import { HOUR_MS, hourOf, type StateStore } from './stores.ts';

/** A window with those before it that its states may continue from, and which windows after it there are. */
export interface Surroundings {
  /** Windows from `reach` before up to this one that exist, ascending. */
  readonly windows: ReadonlyMap<number, StateWindow>;
  /** Starts of the windows up to `reach` after this one that exist, ascending; null if that is not known. */
  readonly later: readonly number[] | null;
  /** How many changes the window's hour had had when all of it that stands here was so. */
  readonly changes: number;
}

/** The same, just read, or proven by a write. */
export type FreshSurroundings = Surroundings & { readonly later: readonly number[] };

/**
 * What is known of a shard: the versions of all windows that exist in a stretch of time, and how many changes
 * the hours had had when it was read. May be old, and is then of no harm: a write on such changes is lost.
 */
interface Known {
  readonly fromMs: number;
  /** The last window of an hour. */
  readonly toMs: number;
  readonly versions: ReadonlyMap<number, number>;
  readonly changes: ReadonlyMap<number, number>;
}

/** What a memory held of a shard before a write: given back when the write was applied. */
export type Suspended = Known | null;

/**
 * What this process knows of the states, so that the usual event reads nothing.
 *
 * Bounded by the number of symbol rows held, and by how long a window is not used; the least recently used
 * window goes first. It may be old: every write is conditional on the changes of the hour that it was made
 * from.
 */
export interface StateMemory {
  /** The surroundings as last seen, which may be old; null if too little is known. */
  recall(key: WindowKey): Surroundings | null;
  /** The surroundings as of now: versions are read, and the windows whose version is not the known one. */
  refresh(key: WindowKey): Promise<FreshSurroundings>;
  /** The window as of now, with the changes of its hour that are no newer. */
  read(key: WindowKey): Promise<{ readonly window: StateWindow; readonly changes: number }>;
  /** Forgets a window that is about to be written, and with it what is known of its shard. */
  suspend(key: WindowKey): Suspended;
  /** Holds a window that was written on so many changes; what was known of its shard is known again. */
  resume(key: WindowKey, window: StateWindow, changes: number, suspended: Suspended): void;
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
  const shards = new Map<string, Known>();
  const windows = createRecentWindows<StateWindow>({ maxRows, monotonicMs });

  async function readWindow(key: WindowKey): Promise<StateWindow> {
    const window = await store.read(key);
    windows.set(key, window);
    return window;
  }

  return {
    recall({ shard, windowStartMs }) {
      const known = shards.get(shard);
      const fromMs = windowStartMs - reach * WINDOW_MS;
      const changes = known?.changes.get(hourOf(windowStartMs));
      if (known === undefined || changes === undefined) return null;
      if (fromMs < known.fromMs || windowStartMs > known.toMs) return null;
      const starts = startsAround(windowStartMs, reach).filter((startMs) => known.versions.has(startMs));
      const held = new Map<number, StateWindow>();
      for (const startMs of starts) {
        if (startMs > windowStartMs) break;
        const window = windows.get({ shard, windowStartMs: startMs });
        if (window === undefined || window.version !== known.versions.get(startMs)) return null;
        held.set(startMs, window);
      }
      return {
        windows: held,
        later: windowStartMs < known.toMs ? starts.filter((startMs) => startMs > windowStartMs) : null,
        changes,
      };
    },
    async refresh({ shard, windowStartMs }) {
      const fromMs = windowStartMs - reach * WINDOW_MS;
      const toMs = hourOf(windowStartMs + reach * WINDOW_MS) + HOUR_MS - WINDOW_MS;
      const changes = new Map<number, number>();
      // Before everything else: what is read after it is at least as new.
      for (let hourMs = hourOf(fromMs); hourMs <= toMs; hourMs += HOUR_MS)
        changes.set(hourMs, await store.readChanges(shard, hourMs));
      const versions = await store.readVersions(shard, fromMs, toMs);
      const present = [...versions.keys()].toSorted((a, b) => a - b);
      const current = await Promise.all(
        present
          .filter((startMs) => startMs <= windowStartMs)
          .map(async (startMs) => {
            const key = { shard, windowStartMs: startMs };
            const held = windows.get(key);
            const isCurrent = held !== undefined && held.version === versions.get(startMs);
            return [startMs, isCurrent ? held : await readWindow(key)] as const;
          }),
      );
      const later = present.filter((startMs) => startMs > windowStartMs);
      for (const [startMs, window] of current) windows.set({ shard, windowStartMs: startMs }, window);
      shards.set(shard, { fromMs, toMs, versions, changes });
      return {
        windows: new Map(current),
        later: later.filter((startMs) => startMs <= windowStartMs + reach * WINDOW_MS),
        changes: changes.get(hourOf(windowStartMs)) ?? 0,
      };
    },
    async read(key) {
      const changes = await store.readChanges(key.shard, hourOf(key.windowStartMs));
      return { window: await readWindow(key), changes };
    },
    suspend(key) {
      const known = shards.get(key.shard) ?? null;
      windows.drop(key);
      shards.delete(key.shard);
      return known;
    },
    resume(key, window, changes, suspended) {
      windows.set(key, window);
      const hourMs = hourOf(key.windowStartMs);
      if (suspended?.changes.get(hourMs) !== changes) return;
      shards.set(key.shard, {
        ...suspended,
        versions: new Map([...suspended.versions, [key.windowStartMs, window.version]]),
        changes: new Map([...suspended.changes, [hourMs, changes + 1]]),
      });
    },
  };
}

/** The starts of the windows up to so many before and after one. */
function startsAround(windowStartMs: number, reach: number): readonly number[] {
  return Array.from({ length: 2 * reach + 1 }, (_, place) => windowStartMs + (place - reach) * WINDOW_MS);
}

/**
 * The surroundings after a write of their window that was applied; null if only a look tells.
 *
 * The write was conditional on the changes of the hour, so nobody else has written there since. That proves all
 * of them, where they lie within the hour.
 */
export function afterWrite(
  { windows, later, changes }: Surroundings,
  next: StateWindow,
  { windowStartMs }: WindowKey,
  reach: number,
): FreshSurroundings | null {
  const isWithin = hourOf(windowStartMs - reach * WINDOW_MS) === hourOf(windowStartMs + reach * WINDOW_MS);
  if (!isWithin || later === null) return null;
  return { windows: new Map([...windows, [windowStartMs, next]]), later, changes: changes + 1 };
}
