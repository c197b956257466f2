import { planRows } from '@kandle/market/signal/plan-rows';
import type { SeriesSettings } from '@kandle/market/signal/series';
import { ABSENT, type StateWindow } from '@kandle/market/signal/series-state';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { changeVersioned } from '@kandle/runtime/change-versioned';
import { NO_METRICS } from './metrics.ts';
import { type Reconciled, type ReconcileDeps, reconcileWindow } from './reconcile.ts';
import { writeWindow } from './write-window.ts';

/** What a recomputation works with. */
export interface RecomputeDeps extends ReconcileDeps {
  /** How many windows later a state may be continued, at most. */
  readonly reach: number;
  /** Most later windows that are looked at. What is left of a change after so many is nothing that a double shows. */
  readonly maxRecomputedWindows: number;
}

/** What later windows are recomputed for. */
export interface Recomputation {
  readonly reconciled: Reconciled;
  /** Symbols of the window whose later windows may not be right. */
  readonly symbols: Iterable<string>;
  readonly settings: SeriesSettings;
  /** Told of every later window that is right now, with the symbols whose indicators may not be published yet. */
  readonly publish: (key: WindowKey, window: StateWindow, symbols: ReadonlySet<string>) => Promise<void>;
}

/**
 * Makes the windows after one right, in order, and publishes what changed.
 *
 * A window that is marked as `pending` has later ones that may be wrong or not published: they are gone through, to the
 * end of each series, and only then is the mark taken off, if it is still the same. A row that is right already does not
 * end that, for whoever made it right may have died before the next. A mark that somebody else made may be about any
 * symbol of the window.
 *
 * When nothing changed and there is no mark, it is enough to see that the next row of each symbol is right.
 */
export async function recomputeLater(
  deps: RecomputeDeps,
  key: WindowKey,
  recomputation: Recomputation,
): Promise<void> {
  const { reconciled, symbols, settings, publish } = recomputation;
  let { window, later } = reconciled;
  if (later.length === 0 && window.pending === 0) return;
  const isRepeat = reconciled.changed.size === 0 && window.pending === 0;
  if (isRepeat && (await isFollowedRightly(deps, key, recomputation))) return;
  let isTakenOver = reconciled.hadMark;
  if (window.pending === 0) {
    // Not known when the window was written: somebody else made a later one meanwhile.
    window = await changePending(deps, key, (version, pending) => {
      isTakenOver = pending > 0;
      return version;
    });
  }
  const mark = window.pending;

  /** By symbol: its last window that is known to be right. */
  const live = new Map([...symbols].map((symbol) => [symbol, key.windowStartMs]));
  if (isTakenOver) for (const symbol of window.rows.keys()) live.set(symbol, key.windowStartMs);
  for (let visited = 0; visited < deps.maxRecomputedWindows; visited++) {
    const [startMs] = later;
    if (startMs === undefined) break;
    for (const [symbol, lastMs] of live) {
      if (startMs - lastMs > deps.reach * WINDOW_MS) live.delete(symbol);
    }
    if (live.size === 0) break;
    const at = { ...key, windowStartMs: startMs };
    const next = await reconcileWindow(deps, at, {
      candles: new Map(),
      symbols: [...live.keys()],
      settings,
      isOwn: false,
    });
    if (next.changed.size > 0) (deps.metrics ?? NO_METRICS).recomputed.add(1);
    const present = [...live.keys()].filter((symbol) => next.window.rows.has(symbol));
    if (present.length > 0) await publish(at, next.window, new Set(present));
    for (const symbol of present) live.set(symbol, startMs);
    ({ later } = next);
  }
  await changePending(deps, key, (_, pending) => (pending === mark ? 0 : null));
}

/**
 * True if the next row of every symbol is right and nobody recomputes; it is published again, for who made it right may
 * have died before. Rows that would have to be written are not written here.
 */
async function isFollowedRightly(
  deps: RecomputeDeps,
  key: WindowKey,
  { reconciled, symbols, settings, publish }: Recomputation,
): Promise<boolean> {
  const waiting = new Set(symbols);
  for (const windowStartMs of reconciled.later) {
    if (waiting.size === 0) break;
    const at = { ...key, windowStartMs };
    const { windows } = await deps.memory.refresh(at);
    const input = { windowStartMs, windows, candles: new Map(), symbols: [...waiting], isFresh: true };
    const plan = planRows(input, settings);
    if (plan === 'stale' || plan.size > 0) return false;
    const window = windows.get(windowStartMs) ?? ABSENT;
    const present = [...waiting].filter((symbol) => window.rows.has(symbol));
    if (present.length > 0) await publish(at, window, new Set(present));
    for (const symbol of present) waiting.delete(symbol);
  }
  // Read after the rows: who made one of them right had marked the window before, and may have died before the next.
  return (await deps.memory.read(key)).pending === 0;
}

/** Sets a window's mark by a transaction, unless `change` says null; the window as it is then. */
async function changePending(
  deps: RecomputeDeps,
  key: WindowKey,
  change: (nextVersion: number, pending: number) => number | null,
): Promise<StateWindow> {
  const { shard, windowStartMs } = key;
  return await changeVersioned<StateWindow, StateWindow>({
    action: `mark window ${windowStartMs} of ${shard}`,
    facts: { shard, windowStartMs },
    maxAttempts: deps.maxAttempts,
    backOff: deps.backOff,
    read: () => deps.memory.read(key),
    change(window) {
      const version = window.version + 1;
      const pending = change(version, window.pending);
      if (pending === null) return { kind: 'done', result: window };
      const next = { ...window, version, pending };
      const write = () => writeWindow(deps, key, { before: window, next, changed: [] });
      return { kind: 'write', write, result: next };
    },
  });
}
