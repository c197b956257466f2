import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveClosedHours } from '@kandle/archive/archive';
import { createAvroReader } from '@kandle/audit/avro-data';
import { main as backfill } from '@kandle/backfill/main';
import { createTopicBrowser } from '@kandle/local/console/topic-browser';
import { runShadow } from '@kandle/local/shadow/run-shadow';
import { createKafkaWatch } from '@kandle/local/view/kafka-watch';
import { shardOf } from '@kandle/market/event/shard';
import { TOPICS } from '@kandle/market/event/topics';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { readEnv } from '@kandle/runtime/config';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { expect, inject, onTestFinished } from 'vitest';
import { BEGIN_MS, edgeFrames } from './edge-frames.ts';
import { avroEnv, type TestRegistry } from './registry.ts';
import { expectCleanAudit } from '../clean-audit.ts';

/** What reads topics without a KafkaSource: the live view, the console, backfill, archive, audit and shadow. */
export async function readByOthers(
  { server, folder }: TestRegistry,
  pipeline: Pipeline,
  { keyspace, file, queryPort }: Readonly<Record<'keyspace' | 'file', string> & { queryPort: number }>,
): Promise<void> {
  const prefix = `${keyspace}.`;
  const rawTopic = prefix + TOPICS.raw;
  const env = {
    ...avroEnv(server.url, prefix),
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    RAW_TOPIC: rawTopic,
    REDRIVEN_TOPIC: prefix + TOPICS.redriven,
    HORIZON_MS: '1000',
  };
  const settings = readEnv(AvroEnv, env);
  const events = createAvroEvents(settings);
  const kafka = createKafka(KafkaEnv.parse(env), keyspace, createLogger(keyspace, 'silent'));
  const [producer, admin] = [createEventProducer(kafka, events), kafka.admin()];
  const browser = createTopicBrowser(kafka, events);
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  onTestFinished(() => producer.close());
  onTestFinished(() => browser.close());

  // A gap of which nothing is missing: its windows are told again, as incomplete.
  const watch = await createKafkaWatch(inject('kafkaBrokers'), watchedOf(prefix), true, events);
  onTestFinished(() => watch.close());
  await watch.start();
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const stream = await openStream(queryPort, ended.signal);
  const fromMs = BEGIN_MS + 20_000;
  const shard = shardOf('finnhub', 'AAPL', 4);
  const gap = { shard, fromMs, toMs: fromMs + 2_000, reason: 'silent', droppedRecords: 0 } as const;
  await producer.send(rawTopic, [formatFeedGap(gap, 1)]);
  while (!(await pipeline.isAtRest())) await sleep(100);
  await watch.catchUp(30_000);
  expect(watch.board.finalCandles()).toBeGreaterThan(0);
  expect(await stream.until('candles')).toContain('"symbol":"AAPL"');
  const [newest] = await browser.events(rawTopic, 1);
  expect(JSON.parse(newest?.value ?? '')).toEqual(gap);

  const said: string[] = [];
  const output = { print: (text: string) => said.push(text), progress: (text: string) => said.push(text) };
  expect(await backfill(['--from-recording', file, '--write'], env, output), said.join('\n')).toBe(0);
  expect(said.join('\n')).toMatch(/ filled: 0 trades brought, [1-9]\d* counted already/);
  while (!(await pipeline.isAtRest())) await sleep(100);

  const archiveFolder = join(folder, 'archive');
  await archiveClosedHours({
    kafka,
    topic: rawTopic,
    folder: archiveFolder,
    group: `${keyspace}-archive`,
    closeAfterMs: 1,
    readMs: 60_000,
    wallMs: () => Date.now() + 7_200_000,
    onHour: () => undefined,
  });
  const ends = await admin.fetchTopicOffsets(rawTopic);
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic: rawTopic, partitions });
  const { read } = await expectCleanAudit(keyspace, { archiveFolder, avro: createAvroReader(settings) });
  expect(read.trades).toBe(edgeFrames().length);
  await expect(expectCleanAudit(keyspace, { archiveFolder })).rejects.toThrow(
    'SCHEMA_REGISTRY_URL is not set',
  );
  const { contactPoints, port } = inject('cassandra');
  const report = await runShadow({
    kafka: KafkaEnv.parse(env),
    cassandra: CassandraEnv.parse({
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_PORT: String(port),
      CASSANDRA_KEYSPACE: keyspace,
    }),
    prefix,
    name: 'avro',
    fromMs: BEGIN_MS,
    toMs: BEGIN_MS + 60_000,
    rules: null,
    graceMs: null,
    pace: null,
    archiveFolder,
    avro: events,
    logFolder: join(folder, 'shadow'),
    say: () => undefined,
  });
  await pipeline.client.execute(`DROP KEYSPACE ${report.keyspace}`, [], { readTimeout: 60_000 });
  expect(report).toMatchObject({ differences: [], more: 0, doubts: [] });
  expect(report.same).toBeGreaterThan(30);
}

/** Listens to query's stream; resolves when it has begun. */
async function openStream(
  port: number,
  signal: AbortSignal,
): Promise<{ until(event: string): Promise<string> }> {
  const { body } = await fetch(`http://127.0.0.1:${port}/v1/stream?symbol=AAPL&kind=candles`, { signal });
  if (body === null) throw new Error('no stream');
  const pieces = body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  const until = async (event: string): Promise<string> => {
    const whole = new RegExp(`^event: ${event}\n(?:.+\n)*\n`, 'm');
    for (;;) {
      const [found] = whole.exec(text) ?? [];
      if (found !== undefined) return found;
      const { value, done } = await pieces.next();
      if (done === true) throw new Error(`the stream ended: ${text}`);
      text += value;
    }
  };
  await until('begin');
  return { until };
}

function watchedOf(prefix: string): Parameters<typeof createKafkaWatch>[1] {
  const { candles, signals, rejects, dead } = TOPICS;
  return {
    candles: prefix + candles,
    signals: prefix + signals,
    rejects: prefix + rejects,
    dead: prefix + dead,
  };
}
