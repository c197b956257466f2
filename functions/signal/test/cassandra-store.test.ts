import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createStateStore } from '../src/cassandra-store.ts';
import { describeStore } from './store-contract.ts';

const KEYSPACE = `states_${Date.now()}`;
const CQL = join(import.meta.dirname, '../../../cql');
const { contactPoints, port } = inject('cassandra');
const settings = CassandraEnv.parse({
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(port),
  CASSANDRA_KEYSPACE: KEYSPACE,
});
const client = createCassandra(settings);
const schemaClient = createCassandra(settings, { useKeyspace: false });

beforeAll(async () => {
  await migrate(schemaClient, CQL, laptopSchemaValues(KEYSPACE));
  await client.connect();
});

afterAll(async () => {
  await schemaClient.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
  await Promise.all([client.shutdown(), schemaClient.shutdown()]);
});

describeStore('Cassandra', () => createStateStore(client));

test('createStateStore() writes rows that expire, so that old states do not stay for ever', async () => {
  const rows = await client.execute('SELECT TTL(state) AS ttl FROM indicator_states LIMIT 1');
  expect(Number(rows.first()?.['ttl'])).toBeGreaterThan(15 * 86_400);
});
