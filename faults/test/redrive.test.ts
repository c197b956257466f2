import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RunPlan } from '@kandle/knative/plan';
import { readPlan } from '@kandle/knative/read-plan';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { TOPICS } from '@kandle/market/event/topics';
import { toKafkaMessage } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createCqlWire } from '@kandle/testkit/proxy/cql-wire';
import { startProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { listDeadLetters, sendAgain } from '../src/redrive/redrive.ts';

const DAY_MS = 86_400_000;
/** Two and a half days ago, at the beginning of a window. */
const THEN_MS = Math.floor((Date.now() - 2.5 * DAY_MS) / 60_000) * 60_000;
const DEADLINE_MS = 90_000;

/** The plan of the manifests, but what is not taken within some five seconds is given up. */
async function impatientPlan(): Promise<RunPlan> {
  const plan = await readPlan();
  return {
    ...plan,
    sources: plan.sources.map((source) => ({
      ...source,
      delivery: { ...source.delivery, retry: 5, backoffDelayMs: 300 },
    })),
  };
}

async function until(what: string, isTrue: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${what}`);
    await sleep(100);
  }
}

test('events given up while Cassandra was away are sent again days later, once, and the candles are exact', {
  timeout: 4 * DEADLINE_MS,
}, async () => {
  const keyspace = `redrive${Date.now()}`;
  const topics = {
    dead: `${keyspace}.${TOPICS.dead}`,
    redriven: `${keyspace}.${TOPICS.redriven}`,
    prefix: `${keyspace}.`,
  };
  const folder = mkdtempSync(join(tmpdir(), 'kandle-redrive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'logs'));
  const proxy = await startProxy(inject('cassandra').port, createCqlWire());
  onTestFinished(() => proxy.close());
  const pipeline = await startPipeline({
    plan: await impatientPlan(),
    servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
    keyspace,
    prefix: topics.prefix,
    logFolder: join(folder, 'logs'),
    feed: null,
    log: () => undefined,
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
    processEnv: () => ({ CASSANDRA_PORT: String(proxy.port) }),
  });
  onTestFinished(async () => {
    await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
    await pipeline.stop();
  });
  const kafka = createKafka(
    { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false },
    'redrive-test',
    createLogger('redrive-test', 'silent'),
  );
  const producer = kafka.producer();
  await producer.connect();
  onTestFinished(() => producer.disconnect());

  /** A batch of three trades a second apart, of which the last two are equal but for their place in the batch. */
  async function sendRaw(sequence: number, startMs: number, price: number): Promise<void> {
    const record = (n: number) => ({
      s: 'AAPL',
      p: price + Math.min(n, 1),
      t: startMs + Math.min(n, 1) * 1_000,
      v: 1,
    });
    const batch = formatRawBatch({
      shard: 'finnhub-02',
      epoch: THEN_MS,
      sequence,
      watermarkMs: startMs,
      ingestTimeMs: startMs,
      records: [0, 1, 2].map((n) => ({ id: `t${sequence}.${n}`, record: record(n) })),
    });
    await producer.send({ topic: `${keyspace}.${TOPICS.raw}`, messages: [toKafkaMessage(batch)] });
  }
  const candles = async (startMs: number) =>
    (
      await pipeline.client.execute(
        `SELECT open, high, low, close, volume, trade_count, state, revision FROM ${keyspace}.candles_5s WHERE feed = 'finnhub' AND symbol = 'AAPL' AND day = ? AND start = ?`,
        [new Date(startMs).toISOString().slice(0, 10), new Date(startMs)],
        { prepare: true },
      )
    ).rows.map((row) => Object.fromEntries(row.keys().map((name) => [name, row.get(name)])));
  const storedTrades = async () =>
    (await pipeline.client.execute(`SELECT id FROM ${keyspace}.trades`)).rows.length;

  // The first batch of the window is counted, then the database is away for the second and third.
  await sendRaw(1, THEN_MS, 100);
  await settledBut(pipeline);
  proxy.setWeather({ kind: 'refused' });
  proxy.cut();
  await sendRaw(2, THEN_MS + 2_000, 90);
  await sendRaw(3, THEN_MS + 5_000, 300);
  const all = () => listDeadLetters(kafka, topics, { includeRefused: false });
  await until('dead letters of aggregate and persist', async () => (await all()).length === 4);

  // It is back, and the market goes on two days later: all those windows are closed for long.
  proxy.setWeather({ kind: 'clear' });
  await sendRaw(4, THEN_MS + 2 * DAY_MS, 200);
  await sendRaw(5, THEN_MS + 2 * DAY_MS + 60_000, 200);
  await until('the old window is final', async () => (await candles(THEN_MS))[0]?.['state'] === 'final');
  expect(await candles(THEN_MS)).toMatchObject([{ trade_count: 3, low: 100 }]);
  expect(await candles(THEN_MS + 5_000)).toEqual([]);

  const judged = await all();
  expect(new Set(judged.map(({ letter }) => letter.destination))).toEqual(new Set(['aggregate', 'persist']));
  expect(judged.every(({ fate, letter }) => fate === 'send' && letter.status === 503)).toBe(true);
  const onlyPersist = await listDeadLetters(kafka, topics, { destination: 'persist', includeRefused: false });
  expect(onlyPersist).toHaveLength(2);

  const options = { nowMs: Date.now, onProgress: () => undefined };
  const letters = judged.map(({ letter }) => letter);
  expect(await sendAgain(kafka, topics, letters.slice(0, 1), options)).toBe(1);
  // The first is not sent a second time, whoever asks.
  const rest = (await all()).filter(({ fate }) => fate === 'send');
  expect(rest).toHaveLength(3);
  expect(
    await sendAgain(
      kafka,
      topics,
      rest.map(({ letter }) => letter),
      options,
    ),
  ).toBe(3);
  expect((await all()).map(({ fate }) => fate)).toEqual(Array.from({ length: 4 }, () => 'redriven before'));

  await until('the revision', async () => (await candles(THEN_MS))[0]?.['trade_count'] === 6);
  await settledBut(pipeline);
  // Each letter went to both of its topic's readers, and no trade counts twice.
  expect(await candles(THEN_MS)).toEqual([
    { open: 100, high: 101, low: 90, close: 91, volume: 6, trade_count: 6, state: 'revised', revision: 1 },
  ]);
  expect(await candles(THEN_MS + 5_000)).toEqual([
    { open: 300, high: 301, low: 300, close: 301, volume: 3, trade_count: 3, state: 'final', revision: 0 },
  ]);
  await until('every trade', async () => (await storedTrades()) === 15);
  expect(await all()).toHaveLength(4);

  /** Windows at the end of the log stay open: nothing closes them. */
  async function settledBut(running: Pipeline): Promise<void> {
    await until('no lag', async () => [...(await running.lags()).values()].every((lag) => lag === 0));
  }
});

test('npm run redrive says what it needs, when there is no Kafka to be found', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-redrive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(REPO_ROOT, 'faults/src/redrive.ts');
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, [script, ...args], { env: { PATH: process.env['PATH'] ?? '' } });
  await expect(run('--data', folder)).rejects.toThrow(`Cannot find Kafka: nothing runs in ${folder}`);
  await expect(run('--sinse', '2h')).rejects.toThrow(
    "Unknown option '--sinse'. See npm run redrive -- --help",
  );
  expect((await run('--help')).stdout).toContain('Usage: npm run redrive');
});
