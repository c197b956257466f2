import { join } from 'node:path';
import type { createCassandra } from '@kandle/runtime/cassandra';
import { applyGrants, type GrantChanges } from '@kandle/runtime/grants';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import type { SchemaConfig } from './config.ts';

const DAY_SECONDS = 86_400;
const NO_CHANGES: GrantChanges = { granted: [], revoked: [] };

/** What a run of the schema program changed. */
export interface SchemaChanges extends GrantChanges {
  /** The names of the steps applied now. */
  readonly applied: readonly string[];
}

/**
 * Applies the steps that are not applied yet, then gives the roles their rights; both may be repeated.
 *
 * @param client Connected as one who may, without a keyspace.
 * @throws {FatalError} If an applied step's file was changed since.
 * @throws {RetryableError} If a role cannot be given its rights: it may not be there yet.
 */
export async function applySchema(
  client: ReturnType<typeof createCassandra>,
  config: SchemaConfig,
): Promise<SchemaChanges> {
  const keyspace = config.CASSANDRA_KEYSPACE;
  const applied = await migrate(client, config.CQL_FOLDER, {
    ...laptopSchemaValues(keyspace),
    replication: config.CASSANDRA_REPLICATION,
    windows_ttl_seconds: String(config.WINDOWS_DAYS * DAY_SECONDS),
    trades_ttl_seconds: String(config.TRADES_DAYS * DAY_SECONDS),
    candles_ttl_seconds: String(config.CANDLES_DAYS * DAY_SECONDS),
  });
  const rights = config.GRANT_RIGHTS
    ? await applyGrants(client, join(config.CQL_FOLDER, 'grants.cql'), keyspace)
    : NO_CHANGES;
  return { applied, ...rights };
}
