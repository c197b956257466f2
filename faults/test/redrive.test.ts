import { bucketOf } from '@kandle/market/view/buckets';
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
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createCqlWire } from '@kandle/testkit/proxy/cql-wire';
import { startProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { auditPipeline } from '@kandle/local/audit-pipeline';
import { prefixPlan } from '@kandle/knative/prefix';
import { formatRejects } from '@kandle/market/event/rejects';
import { shardPartitioner } from '@kandle/runtime/shard-partitioner';
import type { Kafka, Message } from 'kafkajs';
import { formatEntry, type LedgerEntry, parseEntry } from '../src/redrive/ledger.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import { listDeadLetters, sendAgain } from '../src/redrive/redrive.ts';
import { listRejects, sendRejectsAgain } from '../src/redrive/rejects.ts';

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
  const rejectTopics = {
    rejects: `${keyspace}.${TOPICS.rejects}`,
    redriven: topics.redriven,
    raw: `${keyspace}.${TOPICS.raw}`,
    trades: `${keyspace}.${TOPICS.trades}`,
  };
  const folder = mkdtempSync(join(tmpdir(), 'kandle-redrive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'logs'));
  const proxy = await startProxy(inject('cassandra').port, createCqlWire());
  onTestFinished(() => proxy.close());
  const plan = await impatientPlan();
  const pipeline = await startPipeline({
    plan,
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
  const producer = kafka.producer({ createPartitioner: shardPartitioner });
  await producer.connect();
  onTestFinished(() => producer.disconnect());

  /**
   * A batch of three trades a second apart, of which the last two are equal but for their place in the batch.
   */
  async function sendRaw(sequence: number, startMs: number, price: number): Promise<Message> {
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
    const message = toKafkaMessage(batch);
    await producer.send({ topic: rejectTopics.raw, messages: [message] });
    return message;
  }
  const candles = async (startMs: number) =>
    (
      await pipeline.client.execute(
        `SELECT open, high, low, close, volume, trade_count, state, revision FROM ${keyspace}.candles_5s WHERE feed = 'finnhub' AND shard = 'finnhub-02' AND bucket = ? AND symbol = 'AAPL' AND start = ?`,
        [new Date(bucketOf('candles_5s', startMs)), new Date(startMs)],
        { prepare: true },
      )
    ).rows.map((row) => Object.fromEntries(row.keys().map((name) => [name, row.get(name)])));
  const storedTrades = async () =>
    (await pipeline.client.execute(`SELECT id FROM ${keyspace}.trades`)).rows.length;

  // The first batch of the window is counted, then the database is away for the second and third.
  await sendRaw(1, THEN_MS, 100);
  await untilNoLag(pipeline);
  proxy.setWeather({ kind: 'refused' });
  proxy.cut();
  const second = await sendRaw(2, THEN_MS + 2_000, 90);
  await sendRaw(3, THEN_MS + 5_000, 300);
  const all = () => listDeadLetters(kafka, topics, { includeRefused: false });
  await until('dead letters of aggregate and persist', async () => (await all()).length === 4);

  // It is back, and the market goes on two days later: all those windows are closed for long.
  proxy.setWeather({ kind: 'clear' });
  // A function tries to connect every two seconds at the latest; these sources have given up after 4.5.
  await sleep(4_000);
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
  await untilNoLag(pipeline);
  // Each letter went to both of its topic's readers, and no trade counts twice.
  expect(await candles(THEN_MS)).toEqual([
    { open: 100, high: 101, low: 90, close: 91, volume: 6, trade_count: 6, state: 'revised', revision: 1 },
  ]);
  expect(await candles(THEN_MS + 5_000)).toEqual([
    { open: 300, high: 301, low: 300, close: 301, volume: 3, trade_count: 3, state: 'final', revision: 0 },
  ]);
  await until('every trade', async () => (await storedTrades()) === 15);
  expect(await all()).toHaveLength(4);

  // Transform's letters are raw batches. One is sent again to where it came from, which is where its shard is:
  // the audit that the runbook prescribes next finds nothing, and its repair takes nothing away.
  const givenUp = {
    ...second,
    headers: {
      ...second.headers,
      ce_knativeerrordest: 'http://transform.kandle.svc.cluster.local',
      ce_knativeerrorcode: '503',
    },
  };
  await producer.send({ topic: topics.dead, messages: [givenUp] });
  await until('the raw letter', async () => (await all()).length === 5);
  const raw = (await all()).filter(({ fate }) => fate === 'send').map(({ letter }) => letter);
  expect(raw).toMatchObject([{ destination: 'transform', shard: 'finnhub-02' }]);
  expect(await sendAgain(kafka, topics, raw, options)).toBe(1);
  await untilNoLag(pipeline);
  const admin = kafka.admin();
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  const filled = (await admin.fetchTopicOffsets(rejectTopics.raw)).filter(({ high }) => high !== '0');
  // Five batches, what persist had given up of them twice, and this letter.
  expect(filled).toMatchObject([{ high: '8' }]);
  const servers = { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') };
  const audited = { servers, keyspace, prefix: topics.prefix, plan: prefixPlan(plan, topics.prefix) };
  const before = await candles(THEN_MS);
  expect(await auditPipeline(audited, { repair: 'yes' })).toMatchObject({
    verdict: 'clean',
    repair: null,
    read: { batches: 5, repeatedBatches: 3 },
  });
  expect(await candles(THEN_MS)).toEqual(before);
  expect(await storedTrades()).toBe(15);

  // A record that was refused for its time comes back, after a fix, and counts once, whoever asks again.
  const refused = {
    id: 'c1:7',
    reason: 'too_far_ahead' as const,
    detail: 'too far',
    record: { s: 'AAPL', p: 500, t: THEN_MS + 3_500, v: 2 },
    shard: 'finnhub-02',
    tradeId: 'refused-1',
  };
  const twice = [
    refused,
    refused,
    { ...refused, id: 'c1:8', reason: 'bad_price' as const, tradeId: 'other' },
    // The feed has delivered this one at another time too: it is counted, and sent again it would be twice.
    { ...refused, id: 'c1:9', tradeId: 't1.0' },
  ];
  const rejects = formatRejects('c1:7', 'finnhub', '/feeds/finnhub', twice);
  await producer.send({ topic: rejectTopics.rejects, messages: [toKafkaMessage(rejects)] });
  const ofReason = { reason: 'too_far_ahead', includeRefused: false };
  const wanted = await listRejects(kafka, rejectTopics, ofReason);
  expect(wanted).toMatchObject([
    { fate: 'send', reject: { place: { tradeId: 'refused-1' } } },
    { fate: 'counted already', reject: { place: { tradeId: 't1.0' } } },
  ]);
  expect(await auditPipeline(audited)).toMatchObject({ verdict: 'refused', refused: { tooFarAhead: 3 } });
  const rejectOptions = { wallMs: Date.now, onProgress: () => undefined };
  expect(await sendRejectsAgain(kafka, rejectTopics, wanted, rejectOptions)).toBe(1);
  // A run that was killed after its batch went out, before it said so: the same batch, and no second count.
  const [, begun] = await ledgerOf(kafka, topics.redriven);
  if (begun?.batch === undefined) throw new Error('The ledger has no batch');
  await producer.send({ topic: topics.redriven, messages: [formatEntry({ ...begun, isSent: false })] });
  const unfinished = await listRejects(kafka, rejectTopics, { ...ofReason, id: 'something else' });
  expect(unfinished).toMatchObject([{ fate: 'send', batch: begun.batch }]);
  expect(await sendRejectsAgain(kafka, rejectTopics, unfinished, rejectOptions)).toBe(1);
  expect(await listRejects(kafka, rejectTopics, ofReason)).toMatchObject([
    { fate: 'redriven before' },
    { fate: 'counted already' },
  ]);
  await until('the refused trade', async () => (await candles(THEN_MS))[0]?.['trade_count'] === 7);
  await untilNoLag(pipeline);
  expect(await candles(THEN_MS)).toMatchObject([{ high: 500, volume: 8, trade_count: 7 }]);
  expect(await storedTrades()).toBe(16);
  expect((await auditPipeline(audited, { maxRefusedPpm: 500_000 })).findings).toEqual([]);

  /** Windows at the end of the log stay open: nothing closes them. */
  async function untilNoLag(running: Pipeline): Promise<void> {
    await until('no lag', async () => [...(await running.lags()).values()].every((lag) => lag === 0));
  }
});

/** What the ledger has of refused records, in order. */
async function ledgerOf(kafka: Kafka, topic: string): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  await readTopic(kafka, topic, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { value } of messages) entries.push(parseEntry(String(value)));
  });
  return entries.filter(({ batch }) => batch !== undefined);
}

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
