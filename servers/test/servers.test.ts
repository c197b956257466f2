import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client } from 'cassandra-driver';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readLiveChildren } from '../src/process/run-record.ts';
import { readTopic, writeTopic } from './kafka-records.ts';

const cassandra = inject('cassandra');
const keyspace = `servers_${randomUUID().replaceAll('-', '')}`;
const client = new Client({
  contactPoints: cassandra.contactPoints,
  protocolOptions: { port: cassandra.port },
  localDataCenter: cassandra.localDataCenter,
});

beforeAll(() => client.connect());

afterAll(async () => {
  await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
  await client.shutdown();
});

test('Kafka keeps the records of a topic in order', async () => {
  const topic = `servers-${randomUUID()}`;
  const values = Array.from({ length: 1_000 }, (_, index) => String(index));
  await writeTopic(inject('kafkaBrokers'), topic, values);
  expect(await readTopic(inject('kafkaBrokers'), topic, values.length)).toEqual(values);
});

test('Cassandra applies a lightweight transaction once', async () => {
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`);
  await client.execute(`CREATE TABLE ${keyspace}.claims (name text PRIMARY KEY, owner int)`);
  const insert = `INSERT INTO ${keyspace}.claims (name, owner) VALUES (?, ?) IF NOT EXISTS`;
  const owners = Array.from({ length: 10 }, (_, owner) => owner);
  const answers = await Promise.all(
    owners.map((owner) => client.execute(insert, ['a', owner], { prepare: true })),
  );
  expect(answers.filter((answer) => answer.wasApplied())).toHaveLength(1);
});

test('Cassandra answers a write only when it is on disk, and runs Paxos v2', async () => {
  const query =
    "SELECT name, value FROM system_views.settings WHERE name IN ('commitlog_sync', 'paxos_variant')";
  const rows = (await client.execute(query)).rows.map((row) => [row.get('name'), row.get('value')]);
  expect(Object.fromEntries(rows)).toEqual({ commitlog_sync: 'batch', paxos_variant: 'v2' });
});

test('the record of the run names both processes', () => {
  // By role, not by pid: a test before this one may have killed a server, which is started again.
  const children = readLiveChildren(inject('serversFolder'));
  expect(children.map(({ role }) => role).toSorted()).toEqual(['cassandra', 'kafka']);
});

test.skipIf(process.platform !== 'linux')(
  'Linux may wake the threads of Cassandra a millisecond late',
  () => {
    const pid = readLiveChildren(inject('serversFolder')).find(({ role }) => role === 'cassandra')?.pid;
    const slack = readdirSync(`/proc/${pid}/task`).map((thread) =>
      // A thread may end between the two looks.
      Number(tryRead(`/proc/${thread}/timerslack_ns`) ?? 1_000_000),
    );
    expect(slack.length).toBeGreaterThan(20);
    expect(new Set(slack)).toEqual(new Set([1_000_000]));
  },
);

function tryRead(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
