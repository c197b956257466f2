import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { expect, test } from 'vitest';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { describeStores } from './store-contract.ts';

const { keyspace, client, schemaClient, cqlFolder } = useTestKeyspace('stores');

describeStores('Cassandra', () => ({ windows: createWindowStore(client), shards: createShardStore(client) }));

test('a window that the audit has repaired is read, whatever it calls its reason', async () => {
  const windows = createWindowStore(client);
  const { rows } = await client.execute('SELECT shard, window_start, symbol FROM windows LIMIT 50');
  const row = rows.find((one) => one['symbol'] !== null);
  const [shard, start] = [String(row?.['shard']), row?.['window_start'] as Date];
  await client.execute('UPDATE windows SET reason = ? WHERE shard = ? AND window_start = ? AND symbol = ?', [
    'repaired',
    shard,
    start,
    row?.['symbol'],
  ]);
  const read = await windows.read({ shard, windowStartMs: start.getTime() });
  expect([...read.rows.values()].map(({ reason }) => reason)).toContain('repaired');
});

test('migrate() does nothing the second time, and refuses a step that was changed', async () => {
  expect(await migrate(schemaClient, cqlFolder, laptopSchemaValues(keyspace))).toEqual([]);
  await schemaClient.execute(
    `UPDATE ${keyspace}.schema_steps SET checksum = 'other' WHERE name = '002-windows.cql'`,
  );
  await expect(migrate(schemaClient, cqlFolder, laptopSchemaValues(keyspace))).rejects.toThrow(
    /002-windows\.cql was changed/,
  );
});

test('createWindowStore() writes rows that expire, so that old windows do not stay for ever', async () => {
  const rows = await client.execute('SELECT TTL(applied) AS ttl FROM windows LIMIT 1');
  expect(Number(rows.first()?.['ttl'])).toBeGreaterThan(15 * 86_400);
});
