import type { Columns } from './columns.ts';
import { compareColumns, showColumns } from './columns.ts';
import type { Gap } from './raw-batch.ts';
import { WINDOW_MS } from './raw-log.ts';
import { feedOf } from './scope.ts';
import type { Tally } from './tally.ts';

/** A row of `feed_gaps`. */
export interface GapRow {
  readonly shard: string;
  readonly fromMs: number;
  readonly reason: string;
  readonly toMs: number;
  readonly droppedRecords: number;
}

/** True if a gap, both ends included, holds a millisecond of a window. */
export function touchesWindow(gap: Pick<Gap, 'fromMs' | 'toMs'>, windowStartMs: number): boolean {
  return gap.fromMs < windowStartMs + WINDOW_MS && gap.toMs >= windowStartMs;
}

/** What the ledger should hold: of several reports of one gap the one that ends last. */
function expectedLedger(gaps: Iterable<Gap>): ReadonlyMap<string, Gap> {
  const ledger = new Map<string, Gap>();
  for (const gap of gaps) {
    const known = ledger.get(keyOf(gap));
    if (known === undefined || isLonger(gap, known)) ledger.set(keyOf(gap), gap);
  }
  return ledger;
}

function isLonger(a: Gap, b: Gap): boolean {
  return a.toMs > b.toMs || (a.toMs === b.toMs && a.droppedRecords > b.droppedRecords);
}

/** What is known of the gaps beside the ledger. */
export interface GapCase {
  readonly gaps: readonly Gap[];
  readonly found: readonly GapRow[];
  /** Persist has taken every gap of the shard. */
  readonly isReached: (shard: string) => boolean;
  /** Transform or persist gave the gap up. */
  readonly isDead: (gap: Gap) => boolean;
  /** A row that the log says nothing of may be from before it, or have come meanwhile. */
  readonly isExcused: (row: GapRow) => boolean;
}

/** Compares the ledger with the log; returns the gaps whose row is not as it should be, and the rows too many. */
export function compareGaps(
  of: GapCase,
  tally: Tally,
): { readonly wrong: readonly Gap[]; readonly extra: readonly GapRow[] } {
  const found = new Map(of.found.map((row) => [keyOf(row), row]));
  const expected = expectedLedger(of.gaps);
  const wrong: Gap[] = [];
  const extra: GapRow[] = [];
  const place = (gap: Pick<Gap, 'shard' | 'fromMs'>) =>
    ({
      subject: 'feed_gaps',
      shard: gap.shard,
      windowStartMs: gap.fromMs - (gap.fromMs % WINDOW_MS),
      symbol: null,
    }) as const;
  for (const [key, gap] of expected) {
    const row = found.get(key);
    const difference = row === undefined ? null : compareColumns(columnsOf(gap), columnsOf(row));
    if (row !== undefined && difference === null) {
      tally.check('feed_gaps');
      continue;
    }
    if (of.isDead(gap)) tally.skip('feed_gaps', 'dead letter not redriven');
    else if (!of.isReached(gap.shard)) tally.skip('feed_gaps', 'not reached yet');
    else {
      tally.check('feed_gaps');
      wrong.push(gap);
      const what = `gap from ${new Date(gap.fromMs).toISOString()}, ${gap.reason}`;
      if (difference !== null)
        tally.find({
          ...place(gap),
          kind: 'different',
          ...difference,
          what: `${difference.what} of the ${what}`,
        });
      else
        tally.find({
          ...place(gap),
          kind: 'missing',
          what,
          expected: showColumns(columnsOf(gap)),
          found: 'no row',
        });
    }
  }
  for (const [key, row] of found) {
    if (expected.has(key)) continue;
    if (of.isExcused(row)) {
      tally.skip('feed_gaps', 'cut by retention');
      continue;
    }
    tally.check('feed_gaps');
    extra.push(row);
    tally.find({
      ...place(row),
      kind: 'extra',
      what: `gap from ${new Date(row.fromMs).toISOString()}, ${row.reason}`,
      expected: 'no row',
      found: showColumns(columnsOf(row)),
    });
  }
  return { wrong, extra };
}

function columnsOf({ toMs, droppedRecords }: Pick<GapRow, 'toMs' | 'droppedRecords'>): Columns {
  return { to_time: new Date(toMs).toISOString(), dropped_records: droppedRecords };
}

function keyOf({ shard, fromMs, reason }: Pick<Gap, 'shard' | 'fromMs' | 'reason'>): string {
  return `${feedOf(shard)}|${fromMs}|${shard}|${reason}`;
}
