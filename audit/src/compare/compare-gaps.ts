import type { Gap } from '../read/raw-batch.ts';
import type { GapRow } from '../read/stored.ts';
import { expectedLedger, gapKey } from '../recompute/gaps.ts';
import { type Columns, compareColumns, showColumns } from '../values/columns.ts';
import { WINDOW_MS } from '../values/periods.ts';
import type { Tally } from '../values/tally.ts';
import type { WrongGap } from './wrongs.ts';

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

/**
 * Compares the ledger with the log; returns the gaps whose row is not as it should be, and the rows too many.
 */
export function compareGaps(
  of: GapCase,
  tally: Tally,
): { readonly wrong: readonly WrongGap[]; readonly extra: readonly GapRow[] } {
  const found = new Map(of.found.map((row) => [gapKey(row), row]));
  const expected = expectedLedger(of.gaps);
  const wrong: WrongGap[] = [];
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
      wrong.push({ gap, found: row ?? null });
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

function columnsOf({ toMs, droppedRecords, backfill }: Gap | GapRow): Columns {
  return {
    to_time: new Date(toMs).toISOString(),
    dropped_records: droppedRecords,
    backfill_state: backfill?.state ?? null,
    backfill_source: backfill?.source ?? null,
    backfilled_trades: backfill?.trades ?? null,
    backfill_left: backfill === undefined ? null : JSON.stringify(backfill.left),
    backfill_note: backfill?.note ?? null,
    backfilled_at: backfill === undefined ? null : new Date(backfill.atMs).toISOString(),
  };
}
