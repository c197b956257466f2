import type { Stored, StoredWindow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import { batchOf, describePlace, type RepairStep } from './plan-repair.ts';
import type { Change, ViewChange, WindowChange } from './repair-log.ts';

/** The reason of a candle that is again as it was before a repair. */
const UNDONE = 'repair_undone';

/**
 * What makes everything that a repair changed as it was before, the last change first. A version is never taken
 * back: a window gets a new one, with the old content. Rows that have changed since the repair are left alone,
 * windows too.
 */
export async function planUndo(changes: readonly Change[], stored: Stored): Promise<readonly RepairStep[]> {
  const steps: RepairStep[] = [];
  for (const change of changes.toReversed())
    steps.push(change.kind === 'row' ? stepOfRow(change) : await stepOfWindow(change, stored));
  return steps;
}

function stepOfRow({ table, key, before, after }: ViewChange): RepairStep {
  if (table !== 'feed_gaps' && !('bucket' in key)) {
    const left = [`a row of ${table}: the table was made anew since the repair`];
    return { window: null, events: [], rows: [], left };
  }
  return {
    window: null,
    events: [],
    rows: [{ table, key, found: after, wanted: before, timestamp: null }],
    left: [],
  };
}

async function stepOfWindow(change: WindowChange, stored: Stored): Promise<RepairStep> {
  const { shard, windowStartMs, isSampled, before, after } = change;
  const current = await stored.window(shard, windowStartMs);
  if (current === null || !isSameWindow(current, after)) {
    const left = [`window ${describePlace(change)}: it has changed since the repair`];
    return { window: null, events: [], rows: [], left };
  }
  const version = current.version + 1;
  const rows = new Map(before?.rows);
  const changed = [...rows.values()].filter((row) => !isSameRow(row, current.rows.get(row.symbol)));
  for (const row of changed) {
    const revision = (current.rows.get(row.symbol)?.revision ?? row.revision) + 1;
    rows.set(row.symbol, { ...row, rowVersion: version, revision, reason: UNDONE });
  }
  const next: StoredWindow = {
    version,
    finalVersion: before === null ? current.finalVersion : before.finalVersion,
    incompleteVersion: before?.incompleteVersion ?? 0,
    applied: before?.applied ?? '',
    minOffset: before?.minOffset ?? null,
    rows,
  };
  const symbols = changed.map(({ symbol }) => symbol);
  const window = {
    shard,
    windowStartMs,
    isSampled,
    before: current,
    next,
    changed: symbols,
    removed: [...current.rows.keys()].filter((symbol) => !rows.has(symbol)),
  };
  const isSeen = next.finalVersion > 0 && symbols.length > 0;
  return { window, events: isSeen ? [batchOf(window, symbols, 'revised')] : [], rows: [], left: [] };
}

/** True if two windows have the same content, whatever the order of their rows. */
function isSameWindow(a: StoredWindow, b: StoredWindow): boolean {
  return (
    a.version === b.version &&
    a.finalVersion === b.finalVersion &&
    a.applied === b.applied &&
    a.rows.size === b.rows.size &&
    [...a.rows.values()].every((row) => isSameRow(row, b.rows.get(row.symbol)))
  );
}

function isSameRow(a: StoredRow, b: StoredRow | undefined): boolean {
  return (
    b !== undefined && Object.entries(a.columns).every(([name, value]) => Object.is(b.columns[name], value))
  );
}
