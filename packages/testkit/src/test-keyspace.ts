import { join } from 'node:path';
import { CassandraEnv, type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, inject } from 'vitest';

/** A keyspace of one test file, with the whole schema, on the real Cassandra of the test run. */
export interface TestKeyspace {
  readonly keyspace: string;
  /** Connected to the keyspace. */
  readonly client: Client;
  /** Without a keyspace. */
  readonly schemaClient: Client;
  readonly cqlFolder: string;
  readonly settings: CassandraSettings;
  /** Variables of a process that is to use it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes a keyspace before the tests of this file and drops it after them. */
export function useTestKeyspace(name: string): TestKeyspace {
  const keyspace = `${name}_${Date.now()}`;
  const cqlFolder = join(import.meta.dirname, '../../../cql');
  const { contactPoints, port } = inject('cassandra');
  const env = {
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_PORT: String(port),
    CASSANDRA_KEYSPACE: keyspace,
  };
  const settings = CassandraEnv.parse(env);
  const client = createCassandra(settings);
  const schemaClient = createCassandra(settings, { useKeyspace: false });

  beforeAll(async () => {
    await migrate(schemaClient, cqlFolder, laptopSchemaValues(keyspace));
    await client.connect();
  });

  afterAll(async () => {
    // Cassandra takes a snapshot of what it drops.
    await schemaClient.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { readTimeout: 60_000 });
    await Promise.all([client.shutdown(), schemaClient.shutdown()]);
  });

  return { keyspace, client, schemaClient, cqlFolder, settings, env };
}
