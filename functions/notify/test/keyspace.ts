import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import type { Client } from 'cassandra-driver';
import { inject } from 'vitest';

/** A keyspace of its own with the whole schema. */
export interface TestKeyspace {
  readonly name: string;
  readonly client: Client;
  /** Variables of a process that is to use it. */
  readonly env: Readonly<Record<string, string>>;
  create(): Promise<void>;
  drop(): Promise<void>;
}

/** Names a keyspace on the real Cassandra of this test run. */
export function createKeyspace(prefix: string): TestKeyspace {
  const { contactPoints, port } = inject('cassandra');
  const name = `${prefix}_${Date.now()}`;
  const env = {
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_PORT: String(port),
    CASSANDRA_KEYSPACE: name,
  };
  const settings = CassandraEnv.parse(env);
  const client = createCassandra(settings);
  const schemaClient = createCassandra(settings, { useKeyspace: false });
  return {
    name,
    client,
    env,
    async create() {
      await migrate(schemaClient, join(import.meta.dirname, '../../../cql'), laptopSchemaValues(name));
      await client.connect();
    },
    async drop() {
      await schemaClient.execute(`DROP KEYSPACE IF EXISTS ${name}`);
      await Promise.all([client.shutdown(), schemaClient.shutdown()]);
    },
  };
}
