import type { StoredWindow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import {
  expectedColumns,
  type ExpectedRow,
  expectedWindow,
  type ExpectedWindow,
  type PlacedTrade,
} from '../recompute/expected-window.ts';
import { isAfterLog, type ShardLog } from '../recompute/raw-log.ts';
import { compareColumns, showColumns } from '../values/columns.ts';
import { WINDOW_MS } from '../values/periods.ts';
import {
  batchesOf,
  type BatchName,
  hasSequence,
  isBefore,
  readSequences,
  type Sequences,
} from '../values/sequences.ts';
import type { Finding, Tally } from '../values/tally.ts';
import { explainWindow } from './explain.ts';

/** A window names batches that the log does not reach: it lost its end, or was made anew. */
export const BEYOND_LOG = 'batches beyond the end of the log';

/** A window as the log and the database have it. */
export interface WindowCase {
  readonly log: ShardLog;
  readonly windowStartMs: number;
  /** Every trade of the log that belongs into it. */
  readonly trades: readonly PlacedTrade[];
  readonly stored: StoredWindow | null;
  /** On the shard's list of windows that wait to be closed. */
  readonly isOpen: boolean;
  /** The functions have taken every batch that the log held when the audit began. */
  readonly isReached: boolean;
  readonly graceMs: number;
  /** Transform or aggregate gave the batch up. Asked only about a batch that the window lacks. */
  readonly isDead: (batch: BatchName) => boolean;
}

/** A window that could be judged: what it should be, and whether it is. */
export interface JudgedWindow {
  readonly expected: ExpectedWindow;
  readonly stored: StoredWindow | null;
  /** False if it should be final and is not: its candles are not to be judged then. */
  readonly isClosed: boolean;
  /** False if the database has it otherwise: the window itself has to be repaired. */
  readonly isRight: boolean;
  /** Batches of it lie among the dead letters, and their effect is missing. */
  readonly hasLetters: boolean;
}

/** Compares a window with its trades; null if it cannot be judged, `tally` says why. */
export function compareWindow(of: WindowCase, tally: Tally): JudgedWindow | null {
  const { log, windowStartMs, stored } = of;
  const before = tally.findings.length;
  const note = (finding: Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>, symbol?: string): void =>
    // A window is counted once, whatever is wrong with it.
    tally.find({
      subject: 'windows',
      shard: log.shard,
      windowStartMs,
      symbol: symbol ?? null,
      count: tally.findings.length === before ? 1 : 0,
      ...finding,
    });

  const applied = readApplied(stored);
  const contributing = [...new Map(of.trades.map((trade) => [nameOf(trade), trade])).values()];
  const missing = contributing.filter((batch) => applied === null || !hasSequence(applied, batch));
  const dead = missing.filter(of.isDead);
  const lost = missing.filter((batch) => !dead.includes(batch));
  const known = new Set(contributing.map(nameOf));
  const surplus =
    applied === null ? [] : [...batchesOf(applied)].filter((batch) => !known.has(nameOf(batch)));

  if (surplus.some((batch) => !isInLog(log, batch) && isBefore(batch, log.first)))
    return skipped(tally, log.cut ?? 'missing in the log');
  const beyond = surplus.filter((batch) => isAfterLog(log, batch));
  if (beyond.length > 0 && !log.isWhole) return skipped(tally, 'changed during the audit');
  if (beyond.length > 0) {
    // It may have changed meanwhile: then the log's new end has the batch, and this is excused.
    tally.check('windows');
    note({
      kind: 'different',
      what: `${BEYOND_LOG}: ${beyond.slice(0, 5).map(nameOf).join(', ')}`,
      expected: 'batches that the log holds',
      found: shorten(stored?.applied ?? ''),
    });
    return null;
  }
  if (lost.length > 0 && !of.isReached) return skipped(tally, 'not reached yet');
  if (dead.length > 0) tally.skip('windows', 'dead letter not redriven', dead.length);

  const deadNames = new Set(dead.map(nameOf));
  const trades = of.trades.filter((trade) => !deadNames.has(nameOf(trade)));
  const expected = expectedWindow(trades);
  const isAbsent = stored === null || (applied?.size === 0 && stored.rows.size === 0);
  if (trades.length === 0 && isAbsent) return null;
  // What a batch closed that came after the log was read may still be on its way.
  const dueMs = windowStartMs + WINDOW_MS + of.graceMs;
  if (dueMs > log.watermarkMs) return skipped(tally, 'not closed yet');
  const isClosed = stored === null || stored.finalVersion > 0;
  // On the open list although final: its candles may not be acknowledged, and the shard's next batch sees to
  // it.
  if (of.isOpen && isClosed) return skipped(tally, 'not closed yet');
  if (!isClosed && (!of.isReached || dueMs > log.liveWatermarkMs)) return skipped(tally, 'not closed yet');

  tally.check('windows');
  if (isAbsent) {
    note({ kind: 'missing', what: 'window', expected: summaryOf(expected), found: 'no row' });
    return { expected, stored, isClosed, isRight: false, hasLetters: dead.length > 0 };
  }
  if (!isClosed)
    note({
      kind: 'different',
      what: 'not closed',
      expected: `closed by the watermark ${log.liveWatermarkMs}`,
      found: `version ${stored.version}, final_version 0`,
    });
  const cause = repeatedIdsOf(expected, trades, stored) ?? explainWindow(trades, expected.rows, stored.rows);
  if (stored.applied !== expected.applied) {
    const names = [
      ...lost.map((batch) => `without ${nameOf(batch)}`),
      ...surplus.map((batch) => `with ${nameOf(batch)}`),
    ];
    note({
      kind: 'different',
      what: `applied ${names.slice(0, 5).join(', ')}`,
      expected: shorten(expected.applied),
      found: shorten(stored.applied),
    });
  }
  for (const symbol of new Set([...expected.rows.keys(), ...stored.rows.keys()])) {
    compareRow(expected.rows.get(symbol), stored.rows.get(symbol), (finding) =>
      note({ ...finding, what: cause === null ? finding.what : `${finding.what} (${cause})` }, symbol),
    );
  }
  checkVersions(stored, applied ?? new Map(), (finding) => note(finding));
  return {
    expected,
    stored,
    isClosed,
    isRight: tally.findings.length === before,
    hasLetters: dead.length > 0,
  };
}

type RowFinding = Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>;

function compareRow(
  expected: ExpectedRow | undefined,
  found: StoredRow | undefined,
  note: (finding: RowFinding) => void,
): void {
  if (expected === undefined) {
    if (found !== undefined)
      note({ kind: 'extra', what: 'row', expected: 'no row', found: showColumns(found.columns) });
    return;
  }
  const columns = expectedColumns(expected);
  if (found === undefined) {
    note({ kind: 'missing', what: 'row', expected: showColumns(columns), found: 'no row' });
    return;
  }
  const difference = compareColumns(columns, found.columns);
  if (difference !== null) note({ kind: 'different', ...difference });
}

/**
 * What any history leaves: every batch and the close raised the version, and no row or close is newer than it.
 */
function checkVersions(stored: StoredWindow, applied: Sequences, note: (finding: RowFinding) => void): void {
  const changes = [...batchesOf(applied)].length + 1;
  const newest = Math.max(
    stored.finalVersion,
    stored.incompleteVersion,
    ...[...stored.rows.values()].map(({ rowVersion }) => rowVersion),
  );
  if (stored.version < changes || stored.version < newest) {
    note({
      kind: 'different',
      what: 'version',
      expected: `at least ${Math.max(changes, newest)}`,
      found: String(stored.version),
    });
  }
  for (const { symbol, rowVersion } of stored.rows.values()) {
    if (rowVersion < 1)
      note({
        kind: 'different',
        what: `row_version of ${symbol}`,
        expected: 'at least 1',
        found: String(rowVersion),
      });
  }
}

/** Ids of several batches, if their copies were counted too. */
function repeatedIdsOf(
  expected: ExpectedWindow,
  trades: readonly PlacedTrade[],
  stored: StoredWindow,
): string | null {
  const [first] = expected.repeatedIds;
  if (first === undefined) return null;
  const count = [...stored.rows.values()].reduce(
    (sum, { columns }) => sum + Number(columns['trade_count']),
    0,
  );
  return count === trades.length
    ? `trade id ${first.id} of batches ${first.batches.join(' and ')} is counted ${first.batches.length} times`
    : null;
}

function readApplied(stored: StoredWindow | null): Sequences | null {
  try {
    return stored === null ? null : readSequences(stored.applied);
  } catch {
    // What cannot be read holds nothing: every batch of the log is then missing in it.
    return new Map();
  }
}

function skipped(tally: Tally, reason: Parameters<Tally['skip']>[1]): null {
  tally.skip('windows', reason);
  return null;
}

function nameOf({ epoch, sequence }: BatchName): string {
  return `${epoch}:${sequence}`;
}

function isInLog(log: ShardLog, { epoch, sequence }: BatchName): boolean {
  return log.batches.get(epoch)?.has(sequence) ?? false;
}

function summaryOf({ rows, applied }: ExpectedWindow): string {
  const count = [...rows.values()].reduce((sum, { tradeCount }) => sum + tradeCount, 0);
  return `${count} trades of ${[...rows.keys()].slice(0, 5).join(', ')} from batches ${shorten(applied)}`;
}

function shorten(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
