import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { TOPICS } from '@kandle/market/event/topics';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { expect, inject, onTestFinished, test } from 'vitest';
import { main as audit } from '../src/main.ts';
import { main as restore } from '../src/restore/main.ts';
import { createSmallMarket } from './small-market.ts';

const DEADLINE_MS = 120_000;

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${what}`);
    await sleep(200);
  }
}

test('a lost Cassandra is made again from the log, and nobody is told of old signals again', {
  timeout: 5 * DEADLINE_MS,
}, async () => {
  const keyspace = `restore${Date.now()}`;
  const prefix = `${keyspace}.`;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-restore-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'logs'));
  const cassandra = inject('cassandra');
  const env = {
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(cassandra.port),
    CASSANDRA_KEYSPACE: keyspace,
    RAW_TOPIC: prefix + TOPICS.raw,
    TRADES_TOPIC: prefix + TOPICS.trades,
    CANDLES_TOPIC: prefix + TOPICS.candles,
    SIGNALS_TOPIC: prefix + TOPICS.signals,
    DEAD_TOPIC: prefix + TOPICS.dead,
    REDRIVEN_TOPIC: prefix + TOPICS.redriven,
    REJECTS_TOPIC: prefix + TOPICS.rejects,
    TRANSFORM_GROUP: `${prefix}kandle-transform`,
    AGGREGATE_GROUP: `${prefix}kandle-aggregate`,
    PERSIST_TRADES_GROUP: `${prefix}kandle-persist-trades`,
    PERSIST_CANDLES_GROUP: `${prefix}kandle-persist-candles`,
    NOTIFY_GROUP: `${prefix}kandle-notify`,
    LOG_LEVEL: 'silent',
  };
  const plan = await readPlan();

  /** The pipeline without some of its event sources. */
  async function start(stopped: readonly string[] = []): Promise<Pipeline> {
    return startPipeline({
      plan: { ...plan, sources: plan.sources.filter(({ name }) => !stopped.includes(name)) },
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra },
      keyspace,
      prefix,
      logFolder: join(folder, 'logs'),
      feed: null,
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
  }
  async function run(program: typeof audit, args: readonly string[]) {
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const code = await program(args, env, { print: say, progress: say });
    return { code, text: lines.join('\n') };
  }
  const untilAtRest = (pipeline: Pipeline) =>
    until('no lag', async () => [...(await pipeline.lags()).values()].every((lag) => lag === 0));

  const kafka = createKafka(
    { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false },
    'restore-test',
    createLogger('restore-test', 'silent'),
  );
  const admin = kafka.admin();
  const producer = createEventProducer(kafka);
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await Promise.all([admin.disconnect(), producer.close()]);
  });

  let pipeline = await start();
  onTestFinished(async () => {
    await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
    await pipeline.stop();
  });
  const count = async (table: string) =>
    Number((await pipeline.client.execute(`SELECT count(*) FROM ${keyspace}.${table}`)).first()?.['count']);
  await producer.send(env.RAW_TOPIC, createSmallMarket(60, Date.now()));
  await untilAtRest(pipeline);
  const first = await run(audit, ['--wait', '60s']);
  expect(first.code, first.text).toBe(0);
  const before = { trades: await count('trades'), candles: await count('candles_5s') };
  expect(before.trades).toBeGreaterThan(50);

  // While the event sources read, Kafka moves no group.
  const refused = await run(restore, ['--begin', '--yes', '--wait', '0s']);
  expect(refused.code).toBe(2);
  expect(refused.text).toMatch(
    /Cannot move .*kandle-transform \(\d+ members\).*its event source still reads/,
  );

  // Everything is lost, and a new start finds every group at the end: nothing comes back by itself.
  await pipeline.stop();
  const lost = await start();
  await lost.client.execute(`DROP KEYSPACE ${keyspace}`);
  await lost.stop();
  pipeline = await start();
  await untilAtRest(pipeline);
  expect(await run(audit, ['--wait', '30s'])).toMatchObject({ code: 1 });
  await pipeline.stop();

  const wish = await run(restore, ['--dry-run']);
  expect(wish).toMatchObject({
    code: 0,
    text: expect.stringMatching(
      /kandle-transform will read .* from the beginning: (\d+) of the \1 events.*\n.*persist-trades will read .*: \1 of the \1 events/,
    ),
  });
  expect(await run(restore, ['--begin', '--yes'])).toMatchObject({ code: 0 });
  pipeline = await start(['notify']);
  const end = await run(restore, ['--end', '--within', '120s']);
  expect(end.code, end.text).toBe(0);
  expect({ trades: await count('trades'), candles: await count('candles_5s') }).toEqual(before);
  const [told] = await admin.fetchOffsets({ groupId: env.NOTIFY_GROUP, topics: [env.SIGNALS_TOPIC] });
  const ends = await admin.fetchTopicOffsets(env.SIGNALS_TOPIC);
  expect(new Map(told?.partitions.map(({ partition, offset }) => [partition, offset]))).toEqual(
    new Map(ends.map(({ partition, high }) => [partition, high])),
  );
});

test('the restore says what it takes, and what is wrong with that', async () => {
  const lines: string[] = [];
  const output = { print: (line: string) => lines.push(line), progress: (line: string) => lines.push(line) };
  expect(await restore(['--help'], {}, output)).toBe(0);
  expect(lines.join('\n')).toMatch(/^Usage: npm run restore/);
  expect(await restore(['--since', 'yesterday'], {}, output)).toBe(2);
  expect(lines.at(-1)).toMatch(/--since yesterday: expected/);
});
