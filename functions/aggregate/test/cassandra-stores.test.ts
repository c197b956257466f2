import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { describeStores } from './store-contract.ts';

const KEYSPACE = `stores_${Date.now()}`;
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

describeStores('Cassandra', () => ({ windows: createWindowStore(client), shards: createShardStore(client) }));

test('migrate() does nothing the second time, and refuses a step that was changed', async () => {
  expect(await migrate(schemaClient, CQL, laptopSchemaValues(KEYSPACE))).toEqual([]);
  await schemaClient.execute(
    `UPDATE ${KEYSPACE}.schema_steps SET checksum = 'other' WHERE name = '002-windows.cql'`,
  );
  await expect(migrate(schemaClient, CQL, laptopSchemaValues(KEYSPACE))).rejects.toThrow(
    /002-windows\.cql was changed/,
  );
});

test('createWindowStore() writes rows that expire, so that old windows do not stay for ever', async () => {
  const rows = await client.execute('SELECT TTL(applied) AS ttl FROM windows LIMIT 1');
  expect(Number(rows.first()?.['ttl'])).toBeGreaterThan(15 * 86_400);
});
