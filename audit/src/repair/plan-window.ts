import type { WrongWindow } from '../compare/compare-stretch.ts';
import type { JudgedWindow } from '../compare/compare-window.ts';
import type { WrongCompleteness } from '../compare/wrongs.ts';
import type { StoredWindow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import { lifeOf } from '../recompute/candle.ts';
import { expectedColumns } from '../recompute/expected-window.ts';
import { compareColumns } from '../values/columns.ts';

/** The reason of a candle that the audit has put right. */
const REPAIRED = 'repaired';

/** A window as it is to be written: which rows change, and which go. */
export interface WindowPlan {
  readonly shard: string;
  readonly windowStartMs: number;
  /** The shard's feed samples: candles and events say it, the window does not. */
  readonly isSampled: boolean;
  /** As it was judged; null for a window that was never written. The write is conditional on its version. */
  readonly before: StoredWindow | null;
  readonly next: StoredWindow;
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/**
 * What to write into `windows` so that a window is as its trades say; null if it is right.
 *
 * `applied` becomes exactly the batches that are counted, so that one which is redriven later is not counted
 * twice. Rows that were wrong get a new version, a revision more and the reason `repaired`; so do rows whose
 * newest event has another content under the same version, or a higher one, for consumers keep the highest; and
 * all rows, when a final window is to know that a gap touches it, or no longer thinks so.
 *
 * @param isIncomplete Whether a gap touches the window, where it knows this wrongly; null where it knows it
 *   rightly.
 */
export function planWindow(
  wrong: WrongWindow,
  isIncomplete: boolean | null,
  isSampled: boolean,
): WindowPlan | null {
  const { judged, shard, windowStartMs } = wrong;
  if (judged === null) return null;
  const { stored, expected } = judged;
  const wrongRows = new Set(changedSymbols(wrong, judged));
  const isFinal = stored !== null && stored.finalVersion > 0;
  const changed = isIncomplete !== null && isFinal ? [...expected.rows.keys()] : [...wrongRows];
  const removed = [...(stored?.rows.keys() ?? [])].filter((symbol) => !expected.rows.has(symbol));
  if (judged.isRight && changed.length === 0 && isIncomplete === null) return null;
  const seen = [...wrong.events.values()].map((event) => event.version);
  const version = Math.max(stored?.version ?? 0, ...seen) + 1;
  const rows = new Map<string, StoredRow>(stored?.rows);
  for (const symbol of removed) rows.delete(symbol);
  for (const symbol of changed) {
    const row = expected.rows.get(symbol);
    if (row === undefined) continue;
    rows.set(symbol, {
      symbol,
      rowVersion: version,
      revision: revisionBefore(wrong, stored, symbol) + 1,
      reason: REPAIRED,
      columns: expectedColumns(row),
    });
  }
  const knownIncomplete = stored?.incompleteVersion ?? 0;
  return {
    shard,
    windowStartMs,
    isSampled,
    before: stored,
    next: {
      version,
      finalVersion: isFinal ? stored.finalVersion : version,
      incompleteVersion: isIncomplete === null ? knownIncomplete : isIncomplete ? version : 0,
      applied: expected.applied,
      minOffset: stored?.minOffset ?? null,
      rows,
    },
    changed,
    removed,
  };
}

/** What to write so that a window which is right else knows, or forgets, that a gap touches it. */
export function planCompleteness(
  { shard, windowStartMs, isIncomplete }: WrongCompleteness,
  stored: StoredWindow,
  isSampled: boolean,
): WindowPlan {
  const version = stored.version + 1;
  const rows = new Map(
    [...stored.rows].map(([symbol, row]) => [
      symbol,
      { ...row, rowVersion: version, revision: lifeOf(stored, row).revision + 1, reason: REPAIRED },
    ]),
  );
  return {
    shard,
    windowStartMs,
    isSampled,
    before: stored,
    next: { ...stored, version, incompleteVersion: isIncomplete ? version : 0, rows },
    changed: [...rows.keys()],
    removed: [],
  };
}

function changedSymbols(
  { events, wrongEvents }: WrongWindow,
  { expected, stored }: JudgedWindow,
): readonly string[] {
  return [...expected.rows].flatMap(([symbol, row]) => {
    const found = stored?.rows.get(symbol);
    if (found === undefined || stored === null) return [symbol];
    const isWrong = compareColumns(expectedColumns(row), found.columns) !== null || found.rowVersion < 1;
    const event = events.get(symbol);
    // Closing gives every candle a version above all that were published.
    const isContradicted =
      stored.finalVersion > 0 &&
      wrongEvents.includes(symbol) &&
      event !== undefined &&
      event.version >= lifeOf(stored, found).version;
    return isWrong || isContradicted ? [symbol] : [];
  });
}

/** The highest revision that a consumer may know; -1 for a candle that nobody has seen. */
function revisionBefore({ events }: WrongWindow, stored: StoredWindow | null, symbol: string): number {
  const row = stored?.rows.get(symbol);
  const ofRow = row === undefined || stored === null ? -1 : lifeOf(stored, row).revision;
  return Math.max(ofRow, Number(events.get(symbol)?.columns['revision'] ?? -1));
}
