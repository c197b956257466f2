import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createStateStore } from '../src/cassandra-store.ts';
import { describeStore } from './store-contract.ts';

const { client } = useTestKeyspace('states');

describeStore('Cassandra', () => createStateStore(client));

test('createStateStore() writes rows that expire, so that old states do not stay for ever', async () => {
  const rows = await client.execute('SELECT TTL(state) AS ttl FROM indicator_states LIMIT 1');
  expect(Number(rows.first()?.['ttl'])).toBeGreaterThan(15 * 86_400);
});
