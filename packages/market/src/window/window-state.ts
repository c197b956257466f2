import { type Applied, addApplied, hasApplied } from './applied.ts';
import { type Candle, mergeCandles } from '../candle/candle.ts';

/**
 * Why a candle of a final window changed: a late trade, a symbol's first trade after the close, or a gap of the
 * feed that became known after it. `backfilled` is either of the first two, where the trades were fetched from
 * elsewhere afterwards.
 */
export type RevisionReason = 'late_trade' | 'late_first' | 'feed_gap' | 'backfilled';

/**
 * One symbol's row in a window. `version` is the window version that last wrote it. `reason` is a
 * {@link RevisionReason}, or what somebody else who changed the row called it: the audit writes `repaired`.
 */
export interface WindowRow {
  readonly candle: Candle;
  readonly version: number;
  readonly revision: number;
  readonly reason: string | null;
}

/**
 * A window of one shard as the database keeps it. Version 0 is a window that was never written.
 *
 * One version has one content: every change, closing included, raises `version`. `finalVersion` is the version
 * that closed it, 0 while it is open; `incompleteVersion` the first that knew of a feed gap in the window, 0
 * while none does. Neither writes the rows: {@link shownRow} says what a row is in its window. `minOffset` is
 * the smallest offset in `market.trades.v1` that it holds.
 */
export interface WindowState {
  readonly version: number;
  readonly finalVersion: number;
  readonly incompleteVersion: number;
  readonly applied: Applied;
  readonly minOffset: bigint | null;
  readonly rows: ReadonlyMap<string, WindowRow>;
}

/**
 * Where a batch stands: its epoch and sequence within the shard, and its offset in `market.trades.v1` if known.
 */
export interface BatchPosition {
  readonly epoch: number;
  readonly sequence: number;
  readonly offset: bigint | null;
}

/** The state of a window that was never written. */
export const ABSENT_WINDOW: WindowState = {
  version: 0,
  finalVersion: 0,
  incompleteVersion: 0,
  applied: new Map(),
  minOffset: null,
  rows: new Map(),
};

/** The same in a known feed gap: its first write, whatever it is, makes an incomplete window. */
export const ABSENT_INCOMPLETE_WINDOW: WindowState = { ...ABSENT_WINDOW, incompleteVersion: 1 };

/** True once the window has been closed; merging into it then makes revisions. */
export function isFinal(window: WindowState): boolean {
  return window.finalVersion > 0;
}

/** True as long as no feed gap is known that touches the window. */
export function isComplete(window: WindowState): boolean {
  return window.incompleteVersion === 0;
}

/**
 * A row as it stands in its window: closing and becoming incomplete give every row a new version without
 * writing it, and of a final window the latter is a revision of every row that was there.
 */
export function shownRow(window: WindowState, row: WindowRow): WindowRow {
  const version = Math.max(row.version, window.finalVersion, window.incompleteVersion);
  return isRevisedByGap(window, row)
    ? { ...row, version, revision: row.revision + 1, reason: 'feed_gap' }
    : { ...row, version };
}

function isRevisedByGap({ finalVersion, incompleteVersion }: WindowState, row: WindowRow): boolean {
  return finalVersion > 0 && incompleteVersion > finalVersion && row.version < incompleteVersion;
}

/** True if the window holds the batch already: it must not be merged again. */
export function holdsBatch(window: WindowState, position: BatchPosition): boolean {
  return hasApplied(window.applied, position.epoch, position.sequence);
}

/** A window after a change, and the symbols whose rows the change wrote. */
export interface WindowChange {
  readonly next: WindowState;
  readonly changed: readonly string[];
}

/**
 * Merges one batch's candles into a window.
 *
 * @throws {RangeError} If the window holds the batch already: the caller asks {@link holdsBatch} first.
 */
export function mergeBatch(
  window: WindowState,
  position: BatchPosition,
  candles: ReadonlyMap<string, Candle>,
  isBackfilled = false,
): WindowChange {
  if (holdsBatch(window, position)) {
    throw new RangeError(`Cannot merge a batch: ${position.epoch}:${position.sequence} is already applied`);
  }
  const version = window.version + 1;
  const isLate = isFinal(window);
  const cause = isBackfilled ? BACKFILLED : isLate ? LATE : IN_TIME;
  const rows = new Map(window.rows);
  for (const [symbol, candle] of candles) {
    const row = window.rows.get(symbol);
    rows.set(symbol, mergeRow(row && shownRow(window, row), candle, { version, isLate, ...cause }));
  }
  return {
    next: {
      version,
      finalVersion: window.finalVersion,
      incompleteVersion: window.incompleteVersion,
      applied: addApplied(window.applied, position.epoch, position.sequence),
      minOffset: smallerOffset(window.minOffset, position.offset),
      rows,
    },
    changed: [...candles.keys()],
  };
}

/** Why a row is as a batch makes it: a symbol's first row in the window, and a further change. */
interface Cause {
  readonly first: RevisionReason | null;
  /** Null: what it was called before. */
  readonly further: RevisionReason | null;
}

const IN_TIME: Cause = { first: null, further: null };
const LATE: Cause = { first: 'late_first', further: 'late_trade' };
const BACKFILLED: Cause = { first: 'backfilled', further: 'backfilled' };

function mergeRow(
  row: WindowRow | undefined,
  candle: Candle,
  { version, isLate, first, further }: Cause & { readonly version: number; readonly isLate: boolean },
): WindowRow {
  if (row === undefined) return { candle, version, revision: 0, reason: first };
  return {
    candle: mergeCandles(row.candle, candle),
    version,
    revision: isLate ? row.revision + 1 : row.revision,
    reason: further ?? row.reason,
  };
}

/**
 * Closes a window, also one that holds nothing: a delayed first write then loses its race and becomes a
 * revision.
 *
 * @throws {RangeError} If it is final already.
 */
export function closeWindow(window: WindowState): WindowState {
  if (isFinal(window)) throw new RangeError('Cannot close a window: it is final');
  return { ...window, version: window.version + 1, finalVersion: window.version + 1 };
}

/**
 * Marks a window as incomplete, also one that holds nothing.
 *
 * @throws {RangeError} If it is incomplete already.
 */
export function markIncomplete(window: WindowState): WindowState {
  if (!isComplete(window)) throw new RangeError('Cannot mark a window: it is incomplete');
  return { ...window, version: window.version + 1, incompleteVersion: window.version + 1 };
}

function smallerOffset(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
