import { planRows } from '@kandle/market/signal/plan-rows';
import type { SeriesSettings } from '@kandle/market/signal/series';
import { ABSENT, type RowCandle, type StateWindow } from '@kandle/market/signal/series-state';
import type { WindowKey } from '@kandle/market/window/window';
import { type ChangeLimits, changeVersioned } from '@kandle/runtime/change-versioned';
import { afterWrite, type Surroundings } from './state-memory.ts';
import { type WriteDeps, writeWindow } from './write-window.ts';

/** What windows are reconciled with. */
export interface ReconcileDeps extends WriteDeps, ChangeLimits {
  /** How many windows later a state may be continued, at most. */
  readonly reach: number;
}

/** What is to be right in a window. */
export interface Reconciliation {
  readonly candles: ReadonlyMap<string, RowCandle>;
  readonly symbols: Iterable<string> | null;
  readonly settings: SeriesSettings;
  /**
   * True for the window that an event is about: if other windows may follow it, the write that changes it marks
   * it as `pending` too, so that whoever comes after a crash recomputes those that follow.
   */
  readonly isOwn: boolean;
}

/** A window that is right: as it is now, which symbols' rows were written here, and which windows follow it. */
export interface Reconciled {
  readonly window: StateWindow;
  readonly changed: ReadonlySet<string>;
  readonly later: readonly number[];
  /** True if there was a mark that was not made here: a recomputation that somebody may not have finished. */
  readonly hadMark: boolean;
}

interface Look {
  readonly around: Surroundings;
  /** False where it is what memory says. */
  readonly isFresh: boolean;
}

/**
 * Makes the rows of a window what they ought to be, by one transaction, and makes sure that they still are.
 *
 * A write applies only if nobody else has written to the window's hour since what it was made from was read, so
 * it proves the windows around it. Where these reach into another hour they are read afresh after the write: of
 * two who write neighbouring windows at least one looks after both writes, and mends.
 *
 * @throws {RetryableError} If every race for the window is lost, or the database is away.
 */
export async function reconcileWindow(
  deps: ReconcileDeps,
  key: WindowKey,
  { candles, symbols, settings, isOwn }: Reconciliation,
): Promise<Reconciled> {
  const { shard, windowStartMs } = key;
  const changed = new Set<string>();
  let remembered = deps.memory.recall(key);
  let proven: Surroundings | null = null;
  let ownMark = 0;
  let hadMark = false;

  async function read(): Promise<Look> {
    const around = remembered;
    remembered = null;
    if (around !== null) return { around, isFresh: false };
    const last = proven;
    proven = null;
    return { around: last ?? (await deps.memory.refresh(key)), isFresh: true };
  }

  async function write(around: Surroundings, next: StateWindow, written: readonly string[]) {
    const before = around.windows.get(windowStartMs) ?? ABSENT;
    const { changes } = around;
    const outcome = await writeWindow(deps, key, { before, next, changed: written, changes });
    // What may have been written counts as written: later windows are then looked at once too often.
    if (outcome !== 'lost') for (const symbol of written) changed.add(symbol);
    if (outcome === 'applied') {
      ownMark = next.pending;
      proven = afterWrite(around, next, key, deps.reach);
    }
    return outcome;
  }

  return await changeVersioned<Look, Reconciled>({
    action: `reconcile window ${windowStartMs} of ${shard}`,
    facts: { shard, windowStartMs },
    // Usually there are two looks: one that finds what to write, and one that finds nothing left to write.
    maxAttempts: deps.maxAttempts * 2,
    backOff: deps.backOff,
    read,
    change({ around, isFresh }) {
      const window = around.windows.get(windowStartMs) ?? ABSENT;
      if (window.pending > 0 && window.pending !== ownMark) hadMark = true;
      const plan = planRows({ windowStartMs, windows: around.windows, candles, symbols, isFresh }, settings);
      if (plan === 'stale') return { kind: 'look_again' };
      if (plan.size === 0) {
        if (!isFresh) return { kind: 'look_again' };
        return { kind: 'done', result: { window, changed, later: around.later ?? [], hadMark } };
      }
      const version = window.version + 1;
      const isFollowed = window.pending > 0 || around.later === null || around.later.length > 0;
      // A new mark begins from here; what was reached under the one before is not known to be right any more.
      const mark = isOwn && isFollowed ? { pending: version, recomputedToMs: null } : {};
      const next: StateWindow = {
        ...window,
        ...mark,
        version,
        rows: new Map([...window.rows, ...plan]),
      };
      return { kind: 'write', write: () => write(around, next, [...plan.keys()]), result: null };
    },
  });
}
