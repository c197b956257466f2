import { type QueryOptions, types } from 'cassandra-driver';
import { isUnknownOutcome, NoRetry, translateCassandraError } from './cassandra.ts';

/**
 * How a conditional write ended. `unknown` means that nobody can say whether it took effect (a time-out, a broken
 * connection): only a serial read tells.
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
