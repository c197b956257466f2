import { type Client, type QueryOptions, types } from 'cassandra-driver';
import { isUnknownOutcome, NoRetry, translateCassandraError } from './cassandra.ts';
import { RetryableError } from './errors.ts';

/**
 * How a conditional write ended. `unknown` means that nobody can say whether it took effect (a time-out, a
 * broken connection): only a serial read tells.
 */
export type CasOutcome = 'applied' | 'lost' | 'unknown';

const { localSerial, localQuorum } = types.consistencies;

/** A read that sees every conditional write that was decided before it. */
export const SERIAL_READ: QueryOptions = { prepare: true, consistency: localSerial, isIdempotent: true };

/** A read, of any number of partitions, that sees every write that was acknowledged before it. */
export const QUORUM_READ: QueryOptions = { prepare: true, consistency: localQuorum, isIdempotent: true };

/** A conditional write, which the driver never sends a second time by itself. */
export const CONDITIONAL: QueryOptions = {
  prepare: true,
  consistency: localQuorum,
  serialConsistency: localSerial,
  isIdempotent: false,
  retry: new NoRetry(),
};

/** The version that a write is conditional on; null, not 0, stands for a row that was never written. */
export function expectedVersion(nextVersion: number): number | null {
  return nextVersion === 1 ? null : nextVersion - 1;
}

/** The result of a read. @throws {RetryableError | PoisonError} If the database does not give it. */
export async function readFromCassandra<T>(action: string, statement: () => Promise<T>): Promise<T> {
  try {
    return await statement();
  } catch (error) {
    throw translateCassandraError(error, action);
  }
}

/** Tries at reading a partition whose version changes from page to page. */
const MAX_READS = 10;

/** A serial read of one partition that may have more rows than fit a page. */
export interface PartitionRead {
  readonly query: string;
  readonly params: unknown[];
  /** Rows of a page. */
  readonly fetchSize: number;
}

/**
 * All rows of a partition, as they were at one moment.
 *
 * Each page is a serial read of its own. A write in between shows by the static column `version`, which stands
 * in every row; then everything is read again.
 *
 * @throws {RetryableError | PoisonError} If the database does not give them, or they change each time.
 */
export async function readPartition(
  client: Pick<Client, 'execute'>,
  action: string,
  { query, params, fetchSize }: PartitionRead,
): Promise<readonly types.Row[]> {
  for (let read = 0; read < MAX_READS; read++) {
    const rows = await readFromCassandra(action, async () => {
      const found: types.Row[] = [];
      for await (const row of await client.execute(query, params, { ...SERIAL_READ, fetchSize }))
        found.push(row);
      return found;
    });
    if (new Set(rows.map((row) => row['version'])).size <= 1) return rows;
  }
  throw new RetryableError(`Cannot ${action}: it changes faster than it is read`);
}

/**
 * How a conditional statement ended.
 *
 * @throws {RetryableError | PoisonError} If it surely had no effect.
 */
export async function writeConditionally(
  action: string,
  statement: () => Promise<types.ResultSet>,
): Promise<CasOutcome> {
  try {
    return (await statement()).wasApplied() ? 'applied' : 'lost';
  } catch (error) {
    if (isUnknownOutcome(error)) return 'unknown';
    throw translateCassandraError(error, action);
  }
}
