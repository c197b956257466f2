import { planRows } from '@kandle/market/signal/plan-rows';
import type { SeriesSettings } from '@kandle/market/signal/series';
import { ABSENT, type StateWindow } from '@kandle/market/signal/series-state';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { changeVersioned } from '@kandle/runtime/change-versioned';
import { RetryableError } from '@kandle/runtime/errors';
import { NO_METRICS } from './metrics.ts';
import { type Reconciled, type ReconcileDeps, reconcileWindow } from './reconcile.ts';
import { writeWindow } from './write-window.ts';

/** What a recomputation works with. */
export interface RecomputeDeps extends ReconcileDeps {
  /**
   * Windows, with trades or without, that a change may reach. After so many nothing is left of it that a double
   * shows.
   */
  readonly maxRecomputedWindows: number;
  readonly monotonicMs: () => number;
}

/** What later windows are recomputed for. */
export interface Recomputation {
  readonly reconciled: Reconciled;
  /** Symbols of the window whose later windows may not be right. */
  readonly symbols: Iterable<string>;
  readonly settings: SeriesSettings;
  /** Monotonic time at which the event is to be given back, if later windows are left then. */
  readonly deadlineMs: number;
  /**
   * Told of every later window that is right now, with the symbols whose indicators may not be published yet.
   */
  readonly publish: (key: WindowKey, window: StateWindow, symbols: ReadonlySet<string>) => Promise<void>;
}

/**
 * Makes the windows after one right, in order, and publishes what changed.
 *
 * A window that is marked as `pending` has later ones that may be wrong or not published: they are gone
 * through, to the end of each series, and only then is the mark taken off, if it is still the same. A row that
 * is right already does not end that, for whoever made it right may have died before the next. A mark that
 * somebody else made may be about any symbol of the window. What is not done by the deadline goes on from there
 * with the next delivery of the event, whoever takes it: beside the mark stands how far it has come.
 *
 * When nothing changed and there is no mark, it is enough to see that the next row of each symbol is right.
 *
 * @throws {RetryableError} If later windows are left at the deadline.
 */
export async function recomputeLater(
  deps: RecomputeDeps,
  key: WindowKey,
  recomputation: Recomputation,
): Promise<void> {
  const { reconciled, symbols, settings, publish, deadlineMs } = recomputation;
  let { window } = reconciled;
  if (reconciled.later.length === 0 && window.pending === 0) return;
  const isRepeat = reconciled.changed.size === 0 && window.pending === 0;
  if (isRepeat && (await isFollowedRightly(deps, key, recomputation))) return;
  let isTakenOver = reconciled.hadMark;
  if (window.pending === 0) {
    // Not known when the window was written: somebody else made a later one meanwhile.
    window = await changePending(deps, key, ({ version, pending }) => {
      isTakenOver = pending > 0;
      return { pending: version + 1, recomputedToMs: null };
    });
  }
  const mark = window.pending;
  const concerned = new Set(isTakenOver ? [...symbols, ...window.rows.keys()] : symbols);
  const start =
    window.recomputedToMs === null
      ? {
          live: new Map([...concerned].map((symbol) => [symbol, key.windowStartMs])),
          later: reconciled.later,
        }
      : await resumeAt(deps, key, window.recomputedToMs, concerned);
  /** By symbol: its last window that is known to be right. */
  const { live } = start;
  let { later } = start;
  let reachedMs = window.recomputedToMs ?? key.windowStartMs;
  const firstMs = reachedMs;
  const limitMs = key.windowStartMs + deps.maxRecomputedWindows * WINDOW_MS;
  for (;;) {
    const [startMs] = later;
    if (startMs === undefined || startMs > limitMs) break;
    for (const [symbol, lastMs] of live) {
      if (startMs - lastMs > deps.reach * WINDOW_MS) live.delete(symbol);
    }
    if (live.size === 0) break;
    // However short the time, one window is made right, so that every delivery comes further.
    if (reachedMs > firstMs && deps.monotonicMs() >= deadlineMs) {
      return await giveBack(deps, key, mark, reachedMs);
    }
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
    reachedMs = startMs;
  }
  await changePending(deps, key, ({ pending }) =>
    pending === mark ? { pending: 0, recomputedToMs: null } : null,
  );
}

/** The series as they stand at a window up to which all are right, and the windows after it. */
async function resumeAt(
  deps: RecomputeDeps,
  key: WindowKey,
  reachedMs: number,
  concerned: ReadonlySet<string>,
): Promise<{ readonly live: Map<string, number>; readonly later: readonly number[] }> {
  const { windows, later } = await deps.memory.refresh({ ...key, windowStartMs: reachedMs });
  const live = new Map<string, number>();
  // Ascending, so the last window of each symbol remains. A series that has none within reach is at its end.
  for (const [startMs, { rows }] of windows) {
    if (startMs < key.windowStartMs) continue;
    for (const symbol of rows.keys()) if (concerned.has(symbol)) live.set(symbol, startMs);
  }
  return { live, later };
}

/**
 * Writes down how far a recomputation has come, unless somebody else came further or made a new mark, and ends
 * it.
 */
async function giveBack(
  deps: RecomputeDeps,
  key: WindowKey,
  mark: number,
  reachedMs: number,
): Promise<never> {
  await changePending(deps, key, ({ pending, recomputedToMs }) =>
    pending === mark && (recomputedToMs ?? key.windowStartMs) < reachedMs
      ? { pending, recomputedToMs: reachedMs }
      : null,
  );
  const { shard, windowStartMs } = key;
  throw new RetryableError(
    `Cannot recompute all windows after ${windowStartMs} of ${shard} in time: reached ${reachedMs}, send the event again`,
    { facts: { shard, windowStartMs, reachedMs } },
  );
}

/**
 * True if the next row of every symbol is right and nobody recomputes; it is published again, for who made it
 * right may have died before. Rows that would have to be written are not written here.
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
  // Read after the rows: who made one of them right had marked the window before, and may have died before the
  // next.
  return (await deps.memory.read(key)).window.pending === 0;
}

type Mark = Pick<StateWindow, 'pending' | 'recomputedToMs'>;

/** Sets a window's mark by a transaction, unless `change` says null; the window as it is then. */
async function changePending(
  deps: RecomputeDeps,
  key: WindowKey,
  change: (window: StateWindow) => Mark | null,
): Promise<StateWindow> {
  const { shard, windowStartMs } = key;
  return await changeVersioned<{ window: StateWindow; changes: number }, StateWindow>({
    action: `mark window ${windowStartMs} of ${shard}`,
    facts: { shard, windowStartMs },
    maxAttempts: deps.maxAttempts,
    backOff: deps.backOff,
    read: () => deps.memory.read(key),
    change({ window, changes }) {
      const mark = change(window);
      if (mark === null) return { kind: 'done', result: window };
      const next = { ...window, ...mark, version: window.version + 1 };
      const write = () => writeWindow(deps, key, { before: window, next, changed: [], changes });
      return { kind: 'write', write, result: next };
    },
  });
}
