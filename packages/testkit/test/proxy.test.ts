import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCassandra, isUnknownOutcome, NoRetry } from '@kandle/runtime/cassandra';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { type Client, types } from 'cassandra-driver';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { createCqlWire } from '../src/proxy/cql-wire.ts';
import { createKafkaWire } from '../src/proxy/kafka-wire.ts';
import { startProxy, type TcpProxy } from '../src/proxy/tcp-proxy.ts';
import type { Frame } from '../src/proxy/wire.ts';

const KEYSPACE = `proxy${Date.now()}`;
const CONDITIONAL = { prepare: true, isIdempotent: false, retry: new NoRetry(), readTimeout: 1_000 };
const UPDATE = 'UPDATE counters SET n = ? WHERE id = ? IF n = ?';
let direct: Client;

function connect(port: number): Client {
  const { contactPoints, localDataCenter } = inject('cassandra');
  return createCassandra({
    CASSANDRA_CONTACT_POINTS: contactPoints,
    CASSANDRA_PORT: port,
    CASSANDRA_LOCAL_DATACENTER: localDataCenter,
    CASSANDRA_KEYSPACE: KEYSPACE,
    CASSANDRA_TLS: false,
  });
}

async function throughCqlProxy(): Promise<{ proxy: TcpProxy; client: Client }> {
  const proxy = await startProxy(inject('cassandra').port, createCqlWire());
  onTestFinished(() => proxy.close());
  const client = connect(proxy.port);
  onTestFinished(() => client.shutdown());
  await client.connect();
  // Prepared before anything is spoilt.
  await client.execute(UPDATE, [0, 'warm', 7], CONDITIONAL);
  return { proxy, client };
}

async function readCounter(id: string): Promise<number | null> {
  const result = await direct.execute('SELECT n FROM counters WHERE id = ?', [id], {
    prepare: true,
    consistency: types.consistencies.localSerial,
  });
  return result.first()?.['n'] ?? null;
}

beforeAll(async () => {
  const { contactPoints, localDataCenter, port } = inject('cassandra');
  const admin = createCassandra(
    {
      CASSANDRA_CONTACT_POINTS: contactPoints,
      CASSANDRA_PORT: port,
      CASSANDRA_LOCAL_DATACENTER: localDataCenter,
      CASSANDRA_KEYSPACE: KEYSPACE,
      CASSANDRA_TLS: false,
    },
    { useKeyspace: false },
  );
  await admin.execute(
    `CREATE KEYSPACE ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  await admin.execute(`CREATE TABLE ${KEYSPACE}.counters (id text PRIMARY KEY, n int)`);
  await admin.shutdown();
  direct = connect(port);
  await direct.connect();
});

afterAll(async () => {
  await direct.execute(`DROP KEYSPACE ${KEYSPACE}`);
  await direct.shutdown();
});

const answersTo =
  (statement: string, from: Frame['from']) =>
  (frame: Frame): boolean =>
    frame.from === from && frame.request.what === statement;

test('the answer of an applied transaction is lost, and nobody knows: the row is there', async () => {
  const { proxy, client } = await throughCqlProxy();
  const trap = proxy.intercept({ matches: answersTo(UPDATE, 'server'), fate: 'drop', times: 1 });
  const error = await client
    .execute(UPDATE, [1, 'reply', null], CONDITIONAL)
    .catch((caught: unknown) => caught);
  expect(isUnknownOutcome(error)).toBe(true);
  expect(trap.count()).toBe(1);
  expect(await readCounter('reply')).toBe(1);
  // The connection lives on, and the next one is answered.
  expect((await client.execute(UPDATE, [2, 'reply', 1], CONDITIONAL)).wasApplied()).toBe(true);
});

test('the request of a transaction is lost, and nobody knows: the row is not there', async () => {
  const { proxy, client } = await throughCqlProxy();
  proxy.intercept({ matches: answersTo(UPDATE, 'client'), fate: 'drop', times: 1 });
  const error = await client
    .execute(UPDATE, [1, 'request', null], CONDITIONAL)
    .catch((caught: unknown) => caught);
  expect(isUnknownOutcome(error)).toBe(true);
  expect(await readCounter('request')).toBeNull();
});

test('the line is cut under a transaction that was applied: unknown, and never sent a second time', async () => {
  const { proxy, client } = await throughCqlProxy();
  const sent = proxy.intercept({ matches: answersTo(UPDATE, 'client'), fate: 'watch' });
  proxy.intercept({ matches: answersTo(UPDATE, 'server'), fate: 'cut', times: 1 });
  const error = await client
    .execute(UPDATE, [1, 'cut', null], CONDITIONAL)
    .catch((caught: unknown) => caught);
  expect(isUnknownOutcome(error)).toBe(true);
  expect(await readCounter('cut')).toBe(1);
  expect(sent.count()).toBe(1);
});

test('a held request reaches the server when it is let go, and a half-open line answers nothing', async () => {
  const { proxy, client } = await throughCqlProxy();
  const trap = proxy.intercept({ matches: answersTo(UPDATE, 'client'), fate: 'hold', times: 1 });
  const held = client.execute(UPDATE, [1, 'held', null], { ...CONDITIONAL, readTimeout: 20_000 });
  await trap.caught;
  expect(await readCounter('held')).toBeNull();
  trap.release();
  expect((await held).wasApplied()).toBe(true);

  proxy.setWeather({ kind: 'half-open' });
  const error = await client.execute(UPDATE, [2, 'held', 1], CONDITIONAL).catch((caught: unknown) => caught);
  expect(isUnknownOutcome(error)).toBe(true);
  expect(await readCounter('held')).toBe(1);
});

test('a producer stays with the proxy, sends again when the answer is cut off, and nothing is written twice or lost', async () => {
  const log = createLogger('proxy-test', 'silent');
  const [broker = ''] = inject('kafkaBrokers');
  const proxy = await startProxy(Number(broker.split(':')[1]), createKafkaWire(Number(broker.split(':')[1])));
  onTestFinished(() => proxy.close());
  const topic = `proxy-${randomUUID()}`;
  const admin = createKafka({ KAFKA_BROKERS: [broker], KAFKA_TLS: false }, 'direct', log).admin();
  onTestFinished(() => admin.disconnect());
  await admin.connect();
  await createTopics(admin, [{ topic, partitions: 1 }]);

  const kafka = createKafka(
    { KAFKA_BROKERS: [`127.0.0.1:${proxy.port}`], KAFKA_TLS: false },
    'aggregate',
    log,
  );
  const producer = createEventProducer(kafka);
  onTestFinished(() => producer.close());
  const event = (id: string) => ({
    id,
    source: '/feeds/test',
    type: 'test',
    key: 'one',
    extensions: {},
    data: {},
  });
  await producer.send(topic, [event('1')]);
  const trap = proxy.intercept({
    matches: ({ from, request }) =>
      from === 'server' && request.what === 'Produce' && request.client === 'aggregate',
    fate: 'cut',
    times: 1,
  });
  await producer.send(topic, [event('2')]);
  expect(trap.count()).toBe(1);
  expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: '2' }]);

  const held = proxy.intercept({
    matches: ({ from, request }) => from === 'client' && request.what === 'Produce',
    fate: 'hold',
    times: 1,
  });
  const third = producer.send(topic, [event('3')]);
  await held.caught;
  await sleep(50);
  expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: '2' }]);
  held.release();
  await third;
  expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: '3' }]);
});
