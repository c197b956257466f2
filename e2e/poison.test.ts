import { bucketOf } from '@kandle/market/view/buckets';
import { e8 } from '@kandle/market/number/fixed-point';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportViews } from '@kandle/local/export';
import { readPlan } from '@kandle/knative/read-plan';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import type { BatchHeader } from '@kandle/market/event/batch-header';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { TOPICS } from '@kandle/market/event/topics';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { type Admin, Kafka, type KafkaMessage, logLevel, type Message, type Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { COMMON, IN_TRADES, type Poison } from './poisons.ts';
import { computeCandles, readExportedCandles } from './recording.ts';
import { expectSameCandles } from './same-candles.ts';

const name = `poison${Date.now()}`;
const folder = mkdtempSync(join(tmpdir(), 'kandle-poison-'));
const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });

/** A shard whose raw topic is poisoned, and one whose trades topic is. */
const RAW_SHARD = 'finnhub-03';
const TRADES_SHARD = 'finnhub-07';
const BASE_MS = 1_714_500_000_000;
const LARGEST_BYTES = 8 * 1024 * 1024;

/** A trade of a good batch: one for each batch, in a window of five. */
function tradeOf(symbol: string, sequence: number) {
  return { s: symbol, p: 100 + sequence / 4, t: BASE_MS + sequence * 1_000, v: 0.5 + sequence / 8 };
}

function headerOf(shard: string, sequence: number, watermarkMs: number): BatchHeader {
  return { shard, epoch: BASE_MS, sequence, watermarkMs, ingestTimeMs: Date.now() };
}

function rawBatch(sequence: number): Message {
  const trade = tradeOf('RAW', sequence);
  const header = headerOf(RAW_SHARD, sequence, trade.t - 1_000);
  return toKafkaMessage(formatRawBatch({ ...header, records: [{ id: `r${sequence}`, record: trade }] }));
}

function tradeBatch(sequence: number): Message {
  const { s, p, t, v } = tradeOf('TRADES', sequence);
  const trade = {
    id: `t${sequence}`,
    symbol: s,
    eventTimeMs: t,
    priceE8: e8(BigInt(Math.round(p * 1e8))),
    sizeE8: e8(BigInt(Math.round(v * 1e8))),
  };
  return toKafkaMessage(
    formatTradeBatch({ ...headerOf(TRADES_SHARD, sequence, t - 1_000), trades: [trade] }),
  );
}

/**
 * A good batch, then for each poison: it, and a good batch behind it; at last an empty batch that closes the
 * windows.
 */
function mix(poisons: readonly Poison[], good: (sequence: number) => Message, close: Message): Message[] {
  return [
    good(1),
    ...poisons.flatMap(({ kind, spoil }, n) => [
      { ...spoil(good(1_000 + n)), headers: { ...spoil(good(1_000 + n)).headers, ...markOf(kind) } },
      good(n + 2),
    ]),
    close,
  ];
}

/**
 * Says in the dead letter which poison it was, if the record is an event. A plain record is known by its
 * missing id.
 */
function markOf(kind: string): Record<string, string> {
  return kind === 'plain record' ? {} : { ce_poison: kind };
}

const CLOSE_MS = BASE_MS + 60_000;

interface DeadLetter {
  readonly kind: string;
  readonly status: number;
  readonly reason: string;
  readonly dest: string;
  /** Which record it was. */
  readonly origin: string;
  readonly value: Buffer | null;
}

let pipeline: Pipeline;
let admin: Admin;
let producer: Producer;
let dead: readonly DeadLetter[] = [];

beforeAll(async () => {
  admin = kafka.admin();
  producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);
  // Before the pipeline makes them: larger than it would, so that 5 MB get through to the functions.
  await createTopics(
    admin,
    [TOPICS.raw, TOPICS.trades, TOPICS.dead].map((topic) => ({
      topic: `${name}.${topic}`,
      partitions: 3,
      config: { 'max.message.bytes': String(LARGEST_BYTES) },
    })),
  );
  const raw = mix(
    COMMON,
    rawBatch,
    toKafkaMessage(formatRawBatch({ ...headerOf(RAW_SHARD, 900, CLOSE_MS), records: [] })),
  );
  const trades = mix(
    IN_TRADES,
    tradeBatch,
    toKafkaMessage(formatTradeBatch({ ...headerOf(TRADES_SHARD, 900, CLOSE_MS), trades: [] })),
  );
  // One at a time, as ingest and transform do: order is by partition, and the key decides the partition.
  for (const message of raw) await producer.send({ topic: `${name}.${TOPICS.raw}`, messages: [message] });
  for (const message of trades)
    await producer.send({ topic: `${name}.${TOPICS.trades}`, messages: [message] });

  mkdirSync(join(folder, 'logs'));
  pipeline = await startPipeline({
    servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
    keyspace: name,
    prefix: `${name}.`,
    logFolder: join(folder, 'logs'),
    plan: await readPlan(),
    feed: null,
    log: () => undefined,
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
  });
  await untilAtRest();
  dead = withoutRepeats((await readDead()).map(toDeadLetter));
});

afterAll(async () => {
  // Whatever a busy database says, no process is left.
  await pipeline?.client.execute(`DROP KEYSPACE IF EXISTS ${name}`).catch(() => undefined);
  await pipeline?.stop();
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  rmSync(folder, { recursive: true, force: true });
});

/** At rest, and again a moment later: what transform has just written is the others' to take. */
async function untilAtRest(): Promise<void> {
  const deadline = Date.now() + 120_000;
  for (let timesAtRest = 0; timesAtRest < 3; ) {
    if (Date.now() > deadline) {
      const logs = ['transform', 'aggregate', 'persist'].map((file) =>
        readFileSync(join(folder, 'logs', `${file}.log`), 'utf8').slice(-2_000),
      );
      throw new Error(
        `The pipeline did not come to rest: ${JSON.stringify([...(await pipeline.lags())].map(String))}\n${logs.join('\n')}`,
      );
    }
    timesAtRest = (await pipeline.isAtRest()) ? timesAtRest + 1 : 0;
    await sleep(200);
  }
}

async function readDead(): Promise<readonly KafkaMessage[]> {
  const topic = `${name}.${TOPICS.dead}`;
  const wanted = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  const consumer = kafka.consumer({ groupId: `${name}-dead`, maxBytesPerPartition: LARGEST_BYTES });
  const messages: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    if (wanted === 0) resolve();
    consumer
      .run({
        eachMessage: async ({ message }) => {
          messages.push(message);
          if (messages.length >= wanted) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return messages;
}

function toDeadLetter({ headers, value }: KafkaMessage): DeadLetter {
  const text = (header: string): string => String(headers?.[header] ?? '');
  return {
    // A record that was no whole event has its headers as attributes of another name.
    kind: text('ce_poison') || text('ce_kafkaheadercepoison') || 'plain record',
    status: Number(text('ce_knativeerrorcode')),
    reason: Buffer.from(text('ce_knativeerrordata'), 'base64').toString(),
    dest: new URL(text('ce_knativeerrordest')).hostname.split('.')[0] ?? '',
    origin: `${text('ce_knativekafkapartition')}:${text('ce_knativekafkaoffset')}`,
    value,
  };
}

/**
 * Delivery is at least once: where a consumer group was assigned anew, the same record may have been given up
 * twice.
 */
function withoutRepeats(letters: readonly DeadLetter[]): readonly DeadLetter[] {
  const recordOf = ({ dest, kind, origin }: DeadLetter): string => `${dest} ${kind} ${origin}`;
  return [...new Map(letters.map((letter) => [recordOf(letter), letter])).values()];
}

const lettersOf = (dest: string, kind: string): readonly DeadLetter[] =>
  dead.filter((letter) => letter.dest === dest && letter.kind === kind);

describe.each([
  { topic: TOPICS.raw, dest: 'transform', poisons: COMMON },
  { topic: TOPICS.trades, dest: 'aggregate', poisons: IN_TRADES },
  { topic: TOPICS.raw, dest: 'persist', poisons: COMMON },
])('poison in $topic on its way to $dest', ({ dest, poisons }) => {
  test.each(poisons)(
    'ends in the dead letters with its reason, when it is $kind',
    ({ kind, status, reason }) => {
      const letters = lettersOf(dest, kind);
      expect(letters).toHaveLength(1);
      expect(letters[0]?.status).toBe(status);
      expect(letters[0]?.reason).toMatch(reason);
    },
  );

  test('comes of a record that its dead letter names', () => {
    for (const letter of dead) expect(letter.origin).toMatch(/^\d+:\d+$/);
  });

  test('is all that there is in the dead letters', () => {
    expect(dead.filter((letter) => letter.dest === dest)).toHaveLength(poisons.length);
  });
});

test('a dead letter of 5 MB is whole', () => {
  for (const dest of ['transform', 'aggregate', 'persist'])
    expect(lettersOf(dest, '5 MB')[0]?.value?.length).toBeGreaterThan(5_000_000);
});

test('no poison is tried again, dropped, or kills a function', () => {
  for (const { stats } of pipeline.sources) expect([stats.retries, stats.dropped]).toEqual([0, 0]);
  for (const service of pipeline.services.values()) expect(service.stats().crashes).toBe(0);
});

test('every good batch behind a poison is counted, and the candles are exact', async () => {
  await exportViews(pipeline.client, name, folder);
  const good = (symbol: string, poisons: readonly Poison[]) =>
    Array.from({ length: poisons.length + 1 }, (_, n) => tradeOf(symbol, n + 1));
  const trades = [...good('RAW', COMMON), ...good('TRADES', IN_TRADES)];
  const frame = JSON.stringify({ frame: { type: 'trade', data: trades } });
  expectSameCandles(
    readExportedCandles(readFileSync(join(folder, 'candles_5s.csv'), 'utf8')),
    computeCandles([frame]),
  );
  const rows = readFileSync(join(folder, 'trades.csv'), 'utf8').trim().split('\n').slice(1);
  // Clean batches that the test has put beside transform have candles, and no rows: those are made of the raw
  // ones.
  expect(rows).toHaveLength(good('RAW', COMMON).length);
});

test('a negative price in a raw batch is no poison: its record goes to the rejects, the rest of its batch counts', async () => {
  const header = headerOf(RAW_SHARD, 901, CLOSE_MS);
  const record = { ...tradeOf('RAW', 1), t: CLOSE_MS + 1_000 };
  const records = [
    { id: 'negative', record: { ...record, p: -1 } },
    { id: 'good', record },
  ];
  await producer.send({
    topic: `${name}.${TOPICS.raw}`,
    messages: [toKafkaMessage(formatRawBatch({ ...header, records }))],
  });
  const before = dead.length;
  const size = async (topic: string): Promise<number> =>
    (await admin.fetchTopicOffsets(`${name}.${topic}`)).reduce((sum, { high }) => sum + Number(high), 0);
  const deadline = Date.now() + 30_000;
  while ((await size(TOPICS.rejects)) === 0 && Date.now() < deadline) await sleep(50);
  expect(await size(TOPICS.rejects)).toBe(1);
  expect(await size(TOPICS.dead)).toBe(before);
  const query = `SELECT id FROM ${name}.trades WHERE feed = 'finnhub' AND shard = ? AND bucket = ? AND symbol = 'RAW'`;
  const key = [header.shard, new Date(bucketOf('trades', record.t))];
  const stored = async (): Promise<boolean> =>
    (await pipeline.client.execute(query, key, { prepare: true })).rows.some((row) => row['id'] === 'good');
  while (!(await stored()) && Date.now() < deadline) await sleep(50);
  expect(await stored()).toBe(true);
});
