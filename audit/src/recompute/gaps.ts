import type { Gap } from '../read/raw-batch.ts';
import { WINDOW_MS } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';

/** True if a gap, both ends included, holds a millisecond of a window. */
export function touchesWindow(gap: Pick<Gap, 'fromMs' | 'toMs'>, windowStartMs: number): boolean {
  return gap.fromMs < windowStartMs + WINDOW_MS && gap.toMs >= windowStartMs;
}

/**
 * What the ledger should hold: of several reports of one gap the one that ends last, with what the last
 * backfill said of it.
 */
export function expectedLedger(gaps: Iterable<Gap>): ReadonlyMap<string, Gap> {
  const ledger = new Map<string, Gap>();
  for (const gap of gaps) {
    const known = ledger.get(gapKey(gap));
    const longest = known === undefined || isLonger(gap, known) ? gap : known;
    const told = [known?.backfill, gap.backfill].filter((one) => one !== undefined);
    const backfill = told.toSorted((a, b) => a.atMs - b.atMs).at(-1);
    ledger.set(gapKey(gap), { ...longest, backfill });
  }
  return ledger;
}

function isLonger(a: Gap, b: Gap): boolean {
  return a.toMs > b.toMs || (a.toMs === b.toMs && a.droppedRecords > b.droppedRecords);
}

/** What names a gap in the ledger. */
export function gapKey({ shard, fromMs, reason }: Pick<Gap, 'shard' | 'fromMs' | 'reason'>): string {
  return `${feedOf(shard)}|${fromMs}|${shard}|${reason}`;
}
