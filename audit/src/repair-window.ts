import { isUnknownOutcome, NoRetry, translateCassandraError } from '@kandle/runtime/cassandra';
import { type Client, type QueryOptions, types } from 'cassandra-driver';
import type { WrongWindow } from './compare-stretch.ts';
import { lifeOf } from './compare-candles.ts';
import { compareColumns } from './columns.ts';
import { expectedColumns, type JudgedWindow } from './compare-window.ts';
import type { StoredRow, StoredWindow } from './stored.ts';

/** The reason of a candle that the audit has put right. */
const REPAIRED = 'repaired';

/** A window as it is to be written: which rows change, and which go. */
export interface WindowPlan {
  readonly shard: string;
  readonly windowStartMs: number;
  /** The version that the write is conditional on; null for a window that was never written. */
  readonly expectedVersion: number | null;
  readonly next: StoredWindow;
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/**
 * What to write into `windows` so that a window is as its trades say; null if it is right.
 *
 * `applied` becomes exactly the batches that are counted, so that one which is redriven later is not counted twice.
 * Rows that were wrong get a new version, a revision more and the reason `repaired`; so do rows whose newest event has
 * another content under the same version, or a higher one, for consumers keep the highest.
 */
export function planWindow(wrong: WrongWindow): WindowPlan | null {
  const { judged } = wrong;
  if (judged === null) return null;
  const changed = changedSymbols(wrong, judged);
  const removed = [...(judged.stored?.rows.keys() ?? [])].filter(
    (symbol) => !judged.expected.rows.has(symbol),
  );
  if (judged.isRight && changed.length === 0) return null;
  const seen = [...wrong.events.values()].map((event) => event.version);
  const version = Math.max(judged.stored?.version ?? 0, ...seen) + 1;
  const { stored, expected } = judged;
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
  return {
    shard: wrong.shard,
    windowStartMs: wrong.windowStartMs,
    expectedVersion: stored?.version ?? null,
    next: {
      version,
      finalVersion: (stored?.finalVersion ?? 0) > 0 ? (stored?.finalVersion ?? version) : version,
      incompleteVersion: stored?.incompleteVersion ?? 0,
      applied: expected.applied,
      minOffset: stored?.minOffset ?? null,
      rows,
    },
    changed,
    removed,
  };
}

/** What to write so that a window knows that a gap touches it, or no longer thinks so: every candle is revised. */
export function planCompleteness(
  shard: string,
  windowStartMs: number,
  stored: StoredWindow,
  isIncomplete: boolean,
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
    expectedVersion: stored.version,
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

const WRITE_WINDOW =
  'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ?, applied = ?, min_offset = ? ' +
  'WHERE shard = ? AND window_start = ? IF version = ?';
const ROW_COLUMNS = [
  'first_key',
  'last_key',
  'open_e8',
  'high_e8',
  'low_e8',
  'close_e8',
  'volume_e8',
  'notional_e16',
  'price_sum_e8',
  'trade_count',
  'id_hash_sum',
] as const;
const WRITE_ROW =
  `UPDATE windows SET row_version = ?, revision = ?, reason = ?, ${ROW_COLUMNS.map((name) => `${name} = ?`).join(', ')} ` +
  'WHERE shard = ? AND window_start = ? AND symbol = ?';
const REMOVE_ROW = 'DELETE FROM windows WHERE shard = ? AND window_start = ? AND symbol = ?';

const CONDITIONAL: QueryOptions = {
  prepare: true,
  consistency: types.consistencies.localQuorum,
  serialConsistency: types.consistencies.localSerial,
  isIdempotent: false,
  retry: new NoRetry(),
};

/**
 * Writes a window in one transaction, if it is still as it was read.
 *
 * @returns False if it has changed since, or nobody can say: look again.
 * @throws {RetryableError} If the database is not to be had.
 */
export async function writeWindow(client: Client, plan: WindowPlan): Promise<boolean> {
  const { shard, windowStartMs, next } = plan;
  const key = [shard, new Date(windowStartMs)];
  const statements = [
    {
      query: WRITE_WINDOW,
      params: [
        next.version,
        next.finalVersion,
        next.incompleteVersion,
        next.applied,
        next.minOffset,
        ...key,
        plan.expectedVersion,
      ],
    },
    ...plan.changed.map((symbol) => ({
      query: WRITE_ROW,
      params: [...rowValues(next, symbol), ...key, symbol],
    })),
    ...plan.removed.map((symbol) => ({ query: REMOVE_ROW, params: [...key, symbol] })),
  ];
  try {
    return (await client.batch(statements, CONDITIONAL)).wasApplied();
  } catch (error) {
    if (isUnknownOutcome(error)) return false;
    throw translateCassandraError(error, 'repair a window');
  }
}

function rowValues({ rows }: StoredWindow, symbol: string): readonly unknown[] {
  const row = rows.get(symbol);
  if (row === undefined) throw new RangeError(`Cannot repair a window: ${symbol} has no row`);
  return [row.rowVersion, row.revision, row.reason, ...ROW_COLUMNS.map((name) => row.columns[name] ?? null)];
}
