import { setTimeout as sleep } from 'node:timers/promises';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createNoticeStore } from '../src/cassandra-store.ts';
import { describeStore } from './store-contract.ts';

const { client } = useTestKeyspace('notices');
const store = createNoticeStore(client, 'test');

describeStore('Cassandra', {
  store: () => store,
  // A lease is a time to live of the database: nothing but its clock ends it.
  elapse: () => sleep(2_100),
});

test('createNoticeStore() writes rows of which every column expires, and together', async () => {
  const key = { feed: 'sim', signalId: 'ttl' };
  const notice = {
    target: 'desk',
    version: 1,
    state: 'active',
    content: { side: 'buy', strength: 0.5, numbers: { a: 1 }, text: 'x' },
    status: 'claimed',
    attempts: 1,
    statusCode: 0,
    reason: 'x',
    claimedAtMs: 1,
    endedAtMs: 1,
    delayMs: 1,
  } as const;
  await store.decide(key, 0, [notice], 60_000);
  await store.finish(key, { ...notice, status: 'failed' });
  const columns = 'state content status attempts status_code reason claimed_at settled_at delay_ms'.split(
    ' ',
  );
  const asked = columns.map((column) => `TTL(${column})`).join(', ');
  const rows = await client.execute(
    `SELECT ${asked} FROM notifications WHERE feed = 'sim' AND signal_id = 'ttl'`,
  );
  const ttls = columns.map((column) => Number(rows.first()?.[`ttl(${column})`]));
  expect(Math.min(...ttls)).toBeGreaterThan(15 * 86_400);
  expect(Math.max(...ttls) - Math.min(...ttls)).toBeLessThanOrEqual(1);
});
