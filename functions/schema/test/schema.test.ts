import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createCqlWire } from '@kandle/testkit/proxy/cql-wire';
import { startProxy, type TcpProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { afterAll, expect, inject, onTestFinished, test } from 'vitest';

const KEYSPACE = `schema_${Date.now()}`;
const ROOT = join(import.meta.dirname, '../../..');
const { contactPoints, port } = inject('cassandra');
const env = {
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(port),
  CASSANDRA_KEYSPACE: KEYSPACE,
  KAFKA_BROKERS: inject('kafkaBrokers').join(','),
  RAW_TOPIC: `${KEYSPACE}.raw`,
  TRANSFORM_GROUP: `${KEYSPACE}-transform`,
};
const client = createCassandra(CassandraEnv.parse(env), { useKeyspace: false });

/** Cassandra takes a snapshot of what it drops. */
async function drop(keyspace: string): Promise<void> {
  await client.execute(`DROP KEYSPACE ${keyspace}`, [], { readTimeout: 60_000 });
}

afterAll(async () => {
  await drop(`IF EXISTS ${KEYSPACE}`);
  await client.shutdown();
});

/** Runs the program as the Job does, and waits for its end. */
async function runSchema(
  more: Readonly<Record<string, string>>,
  onOutput: (all: string) => void = () => undefined,
): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'functions/schema/src/index.ts')], {
    cwd: ROOT,
    env: {
      ...env,
      CASSANDRA_REPLICATION: "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
      ...more,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    onOutput(stderr);
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

test('the schema program applies every step once, with the copies and the times to live it is told', async () => {
  const first = await runSchema({ WINDOWS_DAYS: '20' });
  expect(first).toMatchObject({ code: 0 });
  expect(first.stderr).toMatch(/"applied":\["001-keyspace\.cql","002-windows\.cql"/);
  const again = await runSchema({ WINDOWS_DAYS: '20' });
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain('nothing to do');

  const keyspace = await client.execute(
    'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?',
    [KEYSPACE],
  );
  expect(keyspace.first()?.['replication']).toMatchObject({ datacenter1: '1' });
  const windows = await client.execute(
    "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'windows'",
    [KEYSPACE],
  );
  expect(windows.first()?.['default_time_to_live']).toBe(20 * 86_400);
});

test('the schema program waits for a Cassandra that is not ready, and no longer than it is told', async () => {
  const before = await startProxy(port, createCqlWire());
  await before.close();
  const starting = { CASSANDRA_PORT: String(before.port) };
  const gaveUp = await runSchema({ ...starting, TRY_FOR_MS: '0', LOG_LEVEL: 'silent' });
  expect(gaveUp).toMatchObject({ code: 1, stderr: expect.stringMatching(/^schema: .+\n$/) });
  let ready: Promise<TcpProxy> | undefined;
  const waited = await runSchema(starting, (output) => {
    if (output.includes('tries again')) ready ??= startProxy(port, createCqlWire(), before.port);
  });
  expect(waited).toMatchObject({ code: 0, stderr: expect.stringContaining('nothing to do') });
  await (await ready)?.close();
});

test('the schema program makes the views anew by shard, where they were by symbol, and the same tables as in a new keyspace', async () => {
  const keyspace = `${KEYSPACE}_before`;
  const before = { CASSANDRA_KEYSPACE: keyspace, LOG_LEVEL: 'silent' };
  const steps = mkdtempSync(join(tmpdir(), 'kandle-steps-'));
  onTestFinished(async () => {
    rmSync(steps, { recursive: true });
    await drop(`IF EXISTS ${keyspace}`);
  });
  for (const name of readdirSync(join(ROOT, 'cql')).filter((each) => each < '014'))
    copyFileSync(join(ROOT, 'cql', name), join(steps, name));
  expect(await runSchema({ ...before, CQL_FOLDER: steps })).toMatchObject({ code: 0 });
  await client.execute(
    `INSERT INTO ${keyspace}.trades (feed, symbol, hour, time, id) VALUES ('f', 'A', 0, 1, 'x')`,
  );
  await client.execute(
    `INSERT INTO ${keyspace}.feed_gaps (feed, day, from_time, shard, reason) VALUES ('f', '2026-01-01', 0, 'f-00', 'silent')`,
  );
  expect(await runSchema(before)).toMatchObject({ code: 0 });
  expect(await columnsOf(keyspace)).toEqual(await columnsOf(KEYSPACE));
  expect((await client.execute(`SELECT * FROM ${keyspace}.trades`)).rowLength).toBe(0);
  expect((await client.execute(`SELECT * FROM ${keyspace}.feed_gaps`)).rowLength).toBe(1);
}, 240_000);

/** Every column of a keyspace's tables, and its place in the key. */
async function columnsOf(keyspace: string): Promise<readonly string[]> {
  const { rows } = await client.execute(
    'SELECT table_name, column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = ?',
    [keyspace],
  );
  return rows.map((row) => row.values().join(' '));
}

test('the schema program ends with one line, when it cannot do what it is told, and by its exit code says whether another try helps', async () => {
  // The test's Cassandra has no roles: it refuses to grant, as one does to whoever may not.
  const refused = await runSchema({ GRANT_RIGHTS: 'true', LOG_LEVEL: 'silent', TRY_FOR_MS: '0' });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(
    /^schema: Cannot LIST ALL PERMISSIONS OF kandle_aggregate NORECURSIVE: .+\n$/,
  );
  const malformed = await runSchema({ CASSANDRA_REPLICATION: "{'class': 'x'}; DROP KEYSPACE system" });
  expect(malformed).toMatchObject({ code: 3 });
  expect(malformed.stderr).toMatch(/^schema: Cannot start: CASSANDRA_REPLICATION: expected a CQL map/);
});

test('the schema program makes nothing, when the keyspace was lost and Kafka remembers that all was read', async () => {
  const lost = { CASSANDRA_KEYSPACE: `${KEYSPACE}_lost`, LOG_LEVEL: 'silent' };
  const kafka = createKafka(
    { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false },
    'test',
    createLogger('test', 'silent'),
  );
  const admin = kafka.admin();
  const producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await drop(`IF EXISTS ${lost.CASSANDRA_KEYSPACE}`);
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  const topic = env.RAW_TOPIC;
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true });
  await producer.send({
    topic,
    messages: ['a', 'b', 'c', 'd'].map((value) => ({ partition: 1, value })),
  });
  const move = (offset: string): Promise<void> =>
    admin.setOffsets({ groupId: env.TRANSFORM_GROUP, topic, partitions: [{ partition: 1, offset }] });

  // Records that nobody has read are no loss.
  expect(await runSchema(lost)).toMatchObject({ code: 0 });
  await move('3');
  const stopped = await runSchema(lost);
  expect(stopped).toMatchObject({ code: 3 });
  expect(stopped.stderr).toMatch(
    /^schema: Cannot apply the schema: the keyspace schema_\d+_lost is empty, but schema_\d+-transform has read 3 events .*--restore.*--accept-empty.*\n$/,
  );
  // A row anywhere, whatever table it is in, is a pipeline that goes on.
  await client.execute(
    `INSERT INTO ${lost.CASSANDRA_KEYSPACE}.feed_gaps (feed, day, from_time, shard, reason) VALUES ('f', '2026-01-01', 0, 'f-00', 'silent')`,
  );
  expect(await runSchema(lost)).toMatchObject({ code: 0 });
  await drop(lost.CASSANDRA_KEYSPACE);
  const gone = await runSchema(lost);
  expect(gone).toMatchObject({ code: 3 });
  const keyspaces = await client.execute(
    'SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?',
    [lost.CASSANDRA_KEYSPACE],
  );
  expect(keyspaces.rowLength).toBe(0);
  expect(await runSchema({ ...lost, ACCEPT_EMPTY: 'true' })).toMatchObject({ code: 0 });
  // Set back, as the restore does it, there is nothing to warn of.
  await drop(lost.CASSANDRA_KEYSPACE);
  await move('0');
  expect(await runSchema(lost)).toMatchObject({ code: 0 });
}, 240_000);
