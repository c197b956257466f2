import { isUnknownOutcome, NoRetry, translateCassandraError } from '@kandle/runtime/cassandra';
import { type Client, type QueryOptions, types } from 'cassandra-driver';
import { writeWindowRows } from '../read/window-rows.ts';
import type { WindowPlan } from './plan-window.ts';

const WRITE_WINDOW =
  'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ?, applied = ?, min_offset = ?, ' +
  'symbols = ? WHERE shard = ? AND window_start = ? IF version = ?';

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
  const { shard, windowStartMs, next, before } = plan;
  const params = [
    next.version,
    next.finalVersion,
    next.incompleteVersion,
    `v2 ${next.applied}`,
    next.minOffset,
    writeWindowRows(next.rows),
    shard,
    new Date(windowStartMs),
    before?.version ?? null,
  ];
  try {
    return (await client.execute(WRITE_WINDOW, params, CONDITIONAL)).wasApplied();
  } catch (error) {
    if (isUnknownOutcome(error)) return false;
    throw translateCassandraError(error, 'repair a window');
  }
}
