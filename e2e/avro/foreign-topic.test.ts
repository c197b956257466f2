import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { TOPICS } from '@kandle/market/event/topics';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { FOREIGN_TRADE, FOREIGN_TRADE_MAPPING } from '@kandle/testkit/foreign-trades';
import avsc from 'avsc';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { expectCleanAudit } from '../clean-audit.ts';
import { readRejects } from '../read-rejects.ts';
import { startTestRegistry, type TestRegistry } from './registry.ts';

let running: TestRegistry;
beforeAll(async () => {
  running = await startTestRegistry();
});
afterAll(() => running?.close());

test('foreign Avro trades of a topic end in exact windows and a clean audit, when ingest is killed and the registry is away', async () => {
  const keyspace = `foreign${Date.now()}`;
  const prefix = `${keyspace}.`;
  const topic = `${prefix}theirs`;
  const settings = KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') });
  const kafka = createKafka(settings, keyspace, createLogger(keyspace, 'silent'));
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => void (await Promise.all([admin.disconnect(), producer.disconnect()])));
  await createTopics(admin, [{ topic, partitions: 3 }]);
  const answer = await fetch(`${running.server.url}/subjects/theirs-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: JSON.stringify(FOREIGN_TRADE) }),
  });
  const { id } = (await answer.json()) as { readonly id: number };
  const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(FOREIGN_TRADE)));
  const beginMs = Date.now() - 120_000;
  const expected = new Map<string, number>();
  const send = async (from: number, to: number): Promise<void> => {
    const messages = Array.from({ length: to - from }, (_, index) => {
      const n = from + index;
      const [symbol, timeMs] = [`S${n % 5}`, beginMs + n * 100];
      const key = `${symbol} ${timeMs - (timeMs % 5_000)}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
      const data = type.toBuffer({ symbol, price: 100, volume: 1, trade_timestamp: timeMs });
      return { partition: n % 3, timestamp: String(timeMs), value: Buffer.concat([prefixOf(id), data]) };
    });
    await producer.send({ topic, messages });
  };
  await send(0, 300);
  const unknown = Buffer.concat([prefixOf(999_999), Buffer.from([0])]);
  await producer.send({ topic, messages: [{ partition: 0, value: unknown }] });
  const pipeline = await startPipeline({
    plan: await readPlan(),
    servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
    keyspace,
    prefix,
    logFolder: running.folder,
    feed: {
      VENDOR: 'ndjson',
      FEED: 'theirs',
      FEED_URL: `kafka:///${topic}`,
      TOPIC_FROM: 'beginning',
      NDJSON_MAPPING: FOREIGN_TRADE_MAPPING,
      SCHEMA_REGISTRY_URL: running.url,
    },
    log: () => undefined,
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
  });
  onTestFinished(async () => {
    await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
    await pipeline.stop();
  });
  const status = async (is: (status: IngestStatus) => boolean): Promise<void> => {
    for (
      let last = await pipeline.ingestStatus();
      last === null || !is(last);
      last = await pipeline.ingestStatus()
    )
      await sleep(50);
  };
  await status(({ records }) => records >= 300);
  running.proxy.setWeather({ kind: 'refused' });
  onTestFinished(() => running.proxy.setWeather({ kind: 'clear' }));
  pipeline.ingest?.kill();
  await send(300, 600);
  await status(({ feeds }) => feeds.some(({ away }) => away?.reason.includes('schema registry') === true));
  running.proxy.setWeather({ kind: 'clear' });
  const found = async (): Promise<ReadonlyMap<string, number>> => {
    const { rows } = await pipeline.client.execute(
      `SELECT symbol, start, trade_count, state FROM ${keyspace}.candles_5s`,
    );
    const finals = rows.filter((row) => row['state'] !== 'provisional');
    return new Map(
      finals.map((row) => [`${row['symbol']} ${Number(row['start'])}`, Number(row['trade_count'])]),
    );
  };
  await vi.waitFor(async () => expect(await found()).toEqual(expected), { timeout: 60_000, interval: 200 });
  const rejects = await readRejects(inject('kafkaBrokers'), prefix + TOPICS.rejects);
  expect(rejects[0]).toMatchObject({
    reason: 'bad_frame',
    detail: expect.stringMatching(/record 0:\d+ of .*theirs: the schema registry knows no schema 999999/),
  });
  expect(rejects.every(({ reason }) => reason === 'bad_frame')).toBe(true);
  const { read } = await expectCleanAudit(keyspace);
  expect(read.trades).toBe(600);
});

function prefixOf(id: number): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(id, 1);
  return prefix;
}
