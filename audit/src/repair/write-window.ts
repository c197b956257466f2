import { isUnknownOutcome, NoRetry, translateCassandraError } from '@kandle/runtime/cassandra';
import { type Client, type QueryOptions, types } from 'cassandra-driver';
import type { StoredWindow } from '../read/stored.ts';
import type { WindowPlan } from './plan-window.ts';

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
        plan.before?.version ?? null,
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
