import { RetryableError } from '@kandle/runtime/errors';
import { countWrite, NO_COUNTS, type SignalMetrics } from './metrics.ts';
import { planRows } from '@kandle/market/signal/plan-rows';
import type { SeriesSettings } from '@kandle/market/signal/series';
import { ABSENT, type RowCandle, type StateWindow } from '@kandle/market/signal/series-state';
import type { StateMemory, Surroundings } from './state-memory.ts';
import type { StateStore, WindowKey } from './stores.ts';

/** What the windows are settled with. */
export interface SettleDeps {
  readonly states: StateStore;
  readonly memory: StateMemory;
  /** Left out where nobody counts. */
  readonly counts?: SignalMetrics;
  readonly maxAttempts: number;
  /** Waits before another attempt at a lost race, longer with each attempt. */
  readonly backOff: (attempt: number) => Promise<void>;
}

/** What is to be right in a window. */
export interface Settlement {
  readonly candles: ReadonlyMap<string, RowCandle>;
  readonly symbols: Iterable<string> | null;
  readonly settings: SeriesSettings;
  /**
   * True for the window that an event is about: if other windows may follow it, the write that changes it marks it as
   * `pending` too, so that whoever comes after a crash recomputes those that follow.
   */
  readonly isOwn: boolean;
}

/** A window that is right: as it is now, which symbols' rows were written here, and which windows follow it. */
export interface Settled {
  readonly window: StateWindow;
  readonly changed: ReadonlySet<string>;
  readonly later: readonly number[];
  /** True if there was a mark that was not made here: a recomputation that somebody may not have finished. */
  readonly hadMark: boolean;
}

/**
 * Makes the rows of a window what they ought to be, by one transaction, and makes sure that they still are.
 *
 * After the write the windows around are read afresh. Somebody else may have written one of those that the rows were
 * made from; of two who write neighbouring windows at least one reads after both writes, and mends.
 *
 * @throws {RetryableError} If every race for the window is lost, or the database is away.
 */
export async function reconcileWindow(
  deps: SettleDeps,
  key: WindowKey,
  settlement: Settlement,
): Promise<Settled> {
  const { windowStartMs } = key;
  const changed = new Set<string>();
  let around: Surroundings | null = deps.memory.recall(key);
  let isFresh = false;
  let losses = 0;
  let ownMark = 0;
  let hadMark = false;
  // A usual settling takes two rounds: one that writes, and one that finds nothing left to write.
  for (let round = 0; round < deps.maxAttempts * 2; round++) {
    if (around === null) {
      around = await deps.memory.refresh(key);
      isFresh = true;
    }
    const window = around.windows.get(windowStartMs) ?? ABSENT;
    if (window.pending > 0 && window.pending !== ownMark) hadMark = true;
    const plan = planRows(
      { ...settlement, windowStartMs, windows: around.windows, isFresh },
      settlement.settings,
    );
    if (plan !== 'stale' && plan.size > 0) {
      const version = window.version + 1;
      const isFollowed = window.pending > 0 || around.later === null || around.later.length > 0;
      const next = {
        version,
        pending: settlement.isOwn && isFollowed ? version : window.pending,
        rows: new Map([...window.rows, ...plan]),
      };
      // Any result but "applied", an exception included, leaves no memory of the window.
      deps.memory.drop(key);
      const outcome = await deps.states.compareAndSet(key, next, [...plan.keys()]);
      countWrite(deps.counts ?? NO_COUNTS, outcome, { before: window, next, changed: plan.keys() });
      // What may have been written counts as written: later windows are then looked at once too often.
      if (outcome !== 'lost') for (const symbol of plan.keys()) changed.add(symbol);
      if (outcome === 'applied') {
        deps.memory.set(key, next);
        ownMark = next.pending;
      } else {
        if (losses > 0 || outcome === 'unknown') await deps.backOff(losses);
        losses += 1;
        // A read that completes whatever transaction is half done; only then do versions tell the whole truth.
        await deps.memory.read(key);
      }
    } else if (isFresh && plan !== 'stale') {
      return { window, changed, later: around.later ?? [], hadMark };
    }
    around = null;
  }
  throw new RetryableError(`Cannot settle window ${windowStartMs} of ${key.shard}: lost every race`);
}
