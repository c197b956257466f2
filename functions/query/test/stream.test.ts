import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { listenToStream, type StreamClient } from './event-stream.ts';

const { env } = useTestKeyspace('query_stream');
const stamp = Date.now();
const TOPICS = { CANDLES_TOPIC: `stream.${stamp}.candles`, SIGNALS_TOPIC: `stream.${stamp}.signals` };
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
  'stream-test',
  createLogger('stream-test', 'silent'),
);
const producer = createEventProducer(kafka);
const admin = kafka.admin();
let nextVersion = 1;

beforeAll(async () => {
  await admin.connect();
  await createTopics(
    admin,
    Object.values(TOPICS).map((topic) => ({ topic, partitions: 3, config: {} })),
  );
});

afterAll(async () => {
  await admin.deleteTopics({ topics: Object.values(TOPICS) });
  await Promise.all([admin.disconnect(), producer.close()]);
});

/** A query process at a port that stays the same when it is started again. */
async function startQuery(more: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  let child: ChildProcess | null = null;
  async function start(): Promise<void> {
    child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
      env: {
        ...env,
        ...TOPICS,
        ...more,
        KAFKA_BROKERS: inject('kafkaBrokers').join(','),
        PORT: String(port),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    await vi.waitFor(() => expect(log).toContain('"ready"'), 30_000);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    const exited = child === null ? null : once(child, 'exit');
    child?.kill(signal);
    await exited;
    child = null;
  }
  await start();
  onTestFinished(() => void child?.kill('SIGKILL'));
  return { url: `http://127.0.0.1:${port}/v1/stream`, start, end };
}

/** Sends one version of a candle of each symbol, a symbol to a shard of its own. @returns The version. */
async function sendCandles(symbols: readonly string[]): Promise<number> {
  const version = nextVersion++;
  const events = symbols.flatMap((symbol, index) =>
    formatCandleBatch({
      shard: `sim-0${index}`,
      windowStartMs: 1_764_000_000_000,
      windowMs: 5_000,
      kind: 'revised',
      version,
      candles: [
        {
          symbol,
          version,
          state: 'revised',
          revision: version,
          reason: 'late',
          complete: true,
          lastTradeMs: 1_764_000_000_000,
          openE8: e8(100_000_000n),
          highE8: e8(100_000_000n),
          lowE8: e8(100_000_000n),
          closeE8: e8(100_000_000n),
          volumeE8: e8(100_000_000n),
          notionalE16: e16(10_000_000_000_000_000n),
          priceSumE8: e8(100_000_000n),
          tradeCount: 1,
        },
      ],
    }),
  );
  await producer.send(TOPICS.CANDLES_TOPIC, events);
  return version;
}

const CandlesSchema = z.object({ rows: z.array(z.object({ symbol: z.string(), version: z.number() })) });

/** The versions of a symbol that a client has heard of, in the order in which they came. */
function versionsOf({ seen }: StreamClient, symbol: string): readonly number[] {
  return seen
    .filter(({ name }) => name === 'candles')
    .flatMap(({ data }) => CandlesSchema.parse(data).rows)
    .filter((row) => row.symbol === symbol)
    .map(({ version }) => version);
}

const began = (client: StreamClient) =>
  vi.waitFor(() => expect(client.seen.map(({ name }) => name)).toContain('begin'), 30_000);
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

test('a stream that is cut by kills and ends of its life hears of every version once and in order', async () => {
  const query = await startQuery({ STREAM_LIFE_MS: '1500' });
  const client = listenToStream(() => query.url);
  onTestFinished(() => client.stop());
  await began(client);
  const first = nextVersion;
  let last = first;
  for (let kill = 0; kill < 3; kill++) {
    const connections = client.connections();
    const killing = query.end('SIGKILL').then(query.start);
    for (let n = 0; n < 60; n++) {
      last = await sendCandles(['SIM:A', 'SIM:B']);
      await sleep(10);
    }
    await killing;
    await vi.waitFor(() => expect(client.connections()).toBeGreaterThan(connections), 30_000);
  }
  await vi.waitFor(() => expect(versionsOf(client, 'SIM:A').at(-1)).toBe(last), 30_000);
  await vi.waitFor(() => expect(versionsOf(client, 'SIM:B').at(-1)).toBe(last), 30_000);
  expect(versionsOf(client, 'SIM:A')).toEqual(from(first, last));
  expect(versionsOf(client, 'SIM:B')).toEqual(from(first, last));
  // Once more by itself, when its life is over.
  const connections = client.connections();
  await vi.waitFor(() => expect(client.connections()).toBeGreaterThan(connections), 30_000);
  expect(client.seen.map(({ name }) => name)).not.toContain('missed');
});

test('fifty streams have one consumer, hear only of what they asked for, and leave no group behind', async () => {
  const query = await startQuery();
  const groups = async () =>
    (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith('kandle-query-stream-'))
      .length;
  const before = await groups();
  const clients = Array.from({ length: 50 }, (_, n) =>
    listenToStream(() => `${query.url}?symbol=${n % 2 === 0 ? 'SIM:A' : 'SIM:B'}&kind=candles`),
  );
  onTestFinished(async () => void (await Promise.all(clients.map((client) => client.stop()))));
  await Promise.all(clients.map(began));
  expect((await groups()) - before).toBe(1);
  const first = await sendCandles(['SIM:A', 'SIM:B']);
  const last = await sendCandles(['SIM:A', 'SIM:B']);
  for (const [n, client] of clients.entries()) {
    const [own, other] = n % 2 === 0 ? ['SIM:A', 'SIM:B'] : ['SIM:B', 'SIM:A'];
    await vi.waitFor(() => expect(versionsOf(client, own)).toEqual([first, last]), 30_000);
    expect(versionsOf(client, other)).toEqual([]);
  }
  await query.end('SIGTERM');
  await vi.waitFor(async () => expect(await groups()).toBe(before), 30_000);
});

test('who resumes from where Kafka never was is told that something may be missing', async () => {
  const query = await startQuery();
  for (const id of ['candles=999999999,0,0;signals=0,0,0', 'nonsense']) {
    const client = listenToStream(() => query.url, id);
    onTestFinished(() => client.stop());
    await vi.waitFor(() => expect(client.seen.map(({ name }) => name)).toContain('missed'), 30_000);
  }
});

test('more streams than there may be are refused', async () => {
  const query = await startQuery({ MAX_STREAMS: '1' });
  const client = listenToStream(() => query.url);
  onTestFinished(() => client.stop());
  await began(client);
  expect((await fetch(query.url)).status).toBe(429);
});
