import { describeError, RetryableError } from '@kandle/runtime/errors';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import type { createCassandra } from '@kandle/runtime/cassandra';
import type { SchemaConfig } from './config.ts';

const DAY_SECONDS = 86_400;

/**
 * Applies the steps that are not applied yet, then gives the pipeline's role its rights; both may be repeated.
 *
 * @param client Connected as one who may, without a keyspace.
 * @returns The names of the steps applied now.
 * @throws {FatalError} If an applied step's file was changed since.
 * @throws {RetryableError} If the role cannot be given its rights: it may not be there yet.
 */
export async function applySchema(
  client: ReturnType<typeof createCassandra>,
  config: SchemaConfig,
): Promise<readonly string[]> {
  const { CASSANDRA_KEYSPACE: keyspace, GRANT_TO_ROLE: role } = config;
  const applied = await migrate(client, config.CQL_FOLDER, {
    ...laptopSchemaValues(keyspace),
    replication: config.CASSANDRA_REPLICATION,
    windows_ttl_seconds: String(config.WINDOWS_DAYS * DAY_SECONDS),
    trades_ttl_seconds: String(config.TRADES_DAYS * DAY_SECONDS),
    candles_ttl_seconds: String(config.CANDLES_DAYS * DAY_SECONDS),
  });
  if (role !== undefined) {
    // A role cannot be a bound value; both names hold lower case letters, digits and underscores only.
    for (const right of ['SELECT', 'MODIFY']) {
      try {
        await client.execute(`GRANT ${right} ON KEYSPACE ${keyspace} TO ${role}`, [], { prepare: false });
      } catch (error) {
        throw new RetryableError(`Cannot grant ${right} to ${role}: ${describeError(error)}`, {
          cause: error,
        });
      }
    }
  }
  return applied;
}
