import { e8 } from '@kandle/market/number/fixed-point';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import type { CandleBatch } from '@kandle/market/candle/candle-batch';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import { CassandraEnv, createCassandra, NoRetry } from '@kandle/runtime/cassandra';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import type { Client } from 'cassandra-driver';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { createCqlWire, isWindowWrite } from '@kandle/testkit/proxy/cql-wire';
import { startProxy, type TcpProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { freePort } from '@kandle/servers/ports/ports';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { createAggregate } from '../src/handler.ts';
import { createRecentWindows } from '@kandle/runtime/recent-windows';

const { keyspace, client: direct } = useTestKeyspace('conditional');
const W0 = 1_700_000_000_000;
let lastShard = 0;

/** What the driver tells of a statement: its text, or those of a batch. */
interface Executed {
  readonly texts: readonly string[];
  readonly isIdempotent: boolean;
  readonly retry: unknown;
}

/** What the driver asks of a statement's options. */
interface Asked {
  readonly isIdempotent: () => boolean;
  readonly getRetryPolicy: () => unknown;
}

/** Writes down every statement that a client executes. */
function watch(client: Client): Executed[] {
  const executed: Executed[] = [];
  const note = (
    _host: unknown,
    query: string | readonly { query: string }[],
    _: unknown,
    options: Asked,
  ): void =>
    void executed.push({
      texts: typeof query === 'string' ? [query] : query.map((one) => one.query),
      isIdempotent: options.isIdempotent(),
      retry: options.getRetryPolicy(),
    });
  // The driver's types leave out that a client has its options.
  const requestTracker = { onSuccess: note, onError: note, shutdown: () => undefined };
  Object.assign(Reflect.get(client, 'options'), { requestTracker });
  return executed;
}

function connect(port: number): Client {
  const { contactPoints } = inject('cassandra');
  const client = createCassandra(
    CassandraEnv.parse({
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_PORT: String(port),
      CASSANDRA_KEYSPACE: keyspace,
    }),
  );
  onTestFinished(() => client.shutdown());
  return client;
}

function createRig(client: Client) {
  const published: Pick<CandleBatch, 'windowStartMs' | 'version'>[] = [];
  const publish = async (key: { windowStartMs: number }, window: { version: number }): Promise<void> =>
    void published.push({ windowStartMs: key.windowStartMs, version: window.version });
  const aggregate = createAggregate({
    windows: createWindowStore(client),
    shards: createShardStore(client),
    candles: { publishProvisional: publish, publishFinal: publish, publishRevised: publish },
    cache: createRecentWindows({ maxRows: 10_000, monotonicMs: () => performance.now() }),
    graceMs: 2_000,
    expiryMs: 14 * 86_400_000,
    behindMs: 86_400_000,
    maxAttempts: 5,
    wallMs: () => W0,
    backOff: async () => undefined,
  });
  const handle = (event: MarketEvent): Promise<void> =>
    aggregate({ ...event, attributes: event.extensions, data: structuredClone(event.data), offset: null });
  return { handle, published };
}

/** A batch of one trade for each of so many symbols, all in one window. */
function batch(
  shard: string,
  sequence: number,
  symbols: number,
  watermarkMs = W0,
  startMs = W0,
): MarketEvent {
  return formatTradeBatch({
    shard,
    epoch: 1,
    sequence,
    watermarkMs,
    ingestTimeMs: W0,
    trades: Array.from({ length: symbols }, (_, n) => ({
      id: `${sequence}.${n}`,
      symbol: `S${n}`,
      eventTimeMs: startMs + n,
      priceE8: e8(100_000_000n),
      sizeE8: e8(100_000_000n),
    })),
  });
}

const freshShard = (): string => `cond${(lastShard += 1)}-00`;

test('aggregate() sends one conditional row and reads nothing, when a batch of 400 symbols is a usual one', async () => {
  const client = connect(inject('cassandra').port);
  await client.connect();
  const { handle } = createRig(client);
  const shard = freshShard();
  await handle(batch(shard, 1, 400));
  const executed = watch(client);
  await handle(batch(shard, 2, 400));
  expect(executed.map(({ texts }) => texts)).toEqual([
    [expect.stringMatching(/^UPDATE windows SET version .* symbols = \? .* IF version = \?$/)],
  ]);
});

test('aggregate() sends three conditional statements for a window alone beside its batches, and two where another follows', async () => {
  const client = connect(inject('cassandra').port);
  await client.connect();
  const { handle } = createRig(client);
  const shard = freshShard();
  await handle(batch(shard, 6, 0));
  const executed = watch(client);
  for (let sequence = 1; sequence <= 5; sequence++) await handle(batch(shard, sequence, 3));
  await handle(batch(shard, 7, 0, W0 + 7_000));
  const conditional = executed.filter(({ texts }) => texts.some((text) => text.includes(' IF version')));
  // Register, five batches, close, take off.
  expect(conditional).toHaveLength(8);
  expect(executed).toHaveLength(8);
  executed.length = 0;
  for (let window = 1; window <= 3; window++) {
    const startMs = W0 + 5_000 * window;
    await handle(batch(shard, 2 * window + 6, 3, startMs - 1_000, startMs));
    await handle(batch(shard, 2 * window + 7, 3, startMs + 2_000, startMs));
  }
  // For each two batches and a registration, and the closing of the one before, which the first has none of.
  expect(executed).toHaveLength(4 * 3 - 1);
});

test('aggregate() looks for the windows of a late gap of a day 100 at a time, and writes those that are there', async () => {
  const client = connect(inject('cassandra').port);
  await client.connect();
  const { handle, published } = createRig(client);
  const shard = freshShard();
  await handle(batch(shard, 1, 2));
  await handle(batch(shard, 2, 0, W0 + 86_400_000));
  const executed = watch(client);
  const gap = { shard, fromMs: W0 - 1, toMs: W0 + 86_300_000, reason: 'silent', droppedRecords: 0 } as const;
  await handle(formatFeedGap(gap, 1));
  // The shard's row twice, the window read and marked, and 17,261 windows looked for.
  expect(executed).toHaveLength(2 + 2 + 173);
  expect(published.at(-1)).toEqual({ windowStartMs: W0, version: 3 });
});

test('every conditional statement goes to the driver as not to be repeated', async () => {
  const client = connect(inject('cassandra').port);
  await client.connect();
  const { handle } = createRig(client);
  const shard = freshShard();
  const executed = watch(client);
  await handle(batch(shard, 1, 3));
  await handle(batch(shard, 2, 0, W0 + 7_000));
  await handle(formatFeedGap({ shard, fromMs: W0, toMs: W0, reason: 'silent', droppedRecords: 0 }, 1));
  const conditional = executed.filter(({ texts }) => texts.some((text) => text.includes(' IF version')));
  expect(conditional.length).toBeGreaterThanOrEqual(6);
  for (const { isIdempotent, retry } of conditional) {
    // The driver repeats what is idempotent, and asks the policy about reads that timed out and missing
    // replicas.
    expect(isIdempotent).toBe(false);
    expect(retry).toBeInstanceOf(NoRetry);
  }
});

async function throughProxy(): Promise<{ readonly proxy: TcpProxy; readonly client: Client }> {
  const proxy = await startProxy(inject('cassandra').port, createCqlWire());
  onTestFinished(() => proxy.close());
  const client = connect(proxy.port);
  await client.connect();
  return { proxy, client };
}

test.each(['client', 'server'] as const)(
  'aggregate() counts a batch once and sends its transaction once more only itself, when the line is cut under the %s message',
  async (from) => {
    const { proxy, client } = await throughProxy();
    const { handle } = createRig(client);
    const shard = freshShard();
    await handle(batch(shard, 1, 3));
    const executed = watch(client);
    proxy.intercept({
      matches: (frame) => frame.from === from && isWindowWrite(frame.request),
      fate: 'cut',
      times: 1,
    });
    // The connection is made anew meanwhile, so that the first tries may be given back.
    await vi.waitFor(() => handle(batch(shard, 2, 3)), { timeout: 20_000 });
    const window = await createWindowStore(direct).read({ shard, windowStartMs: W0 });
    expect([...window.rows.values()].map(({ candle }) => candle.tradeCount)).toEqual([2, 2, 2]);
    const writes = executed.filter(({ texts }) => texts[0]?.startsWith('UPDATE windows'));
    // Applied and its answer lost: found in `applied`. Not applied: written by the next attempt.
    expect(window.version).toBe(2);
    expect(writes.length).toBeLessThanOrEqual(from === 'server' ? 1 : 2);
  },
);

test('a process ends what it has begun, when it gets SIGTERM in the middle of a transaction', async () => {
  const proxy = await startProxy(inject('cassandra').port, createCqlWire());
  onTestFinished(() => proxy.close());
  const port = await freePort();
  const topic = `test.candles.${randomUUID()}`;
  const brokers = inject('kafkaBrokers');
  const kafka = createKafka(
    { KAFKA_BROKERS: brokers, KAFKA_TLS: false },
    'test',
    createLogger('test', 'silent'),
  );
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, partitions: 1 }]);
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: {
      PORT: String(port),
      LOOPBACK_ONLY: 'true',
      KAFKA_BROKERS: brokers.join(','),
      CASSANDRA_CONTACT_POINTS: inject('cassandra').contactPoints.join(','),
      CASSANDRA_PORT: String(proxy.port),
      CASSANDRA_KEYSPACE: keyspace,
      CANDLES_TOPIC: topic,
      EXPIRY_MS: String(100 * 366 * 86_400_000),
      // The batch is of 2023, and a shard that is behind publishes no provisional candles.
      BEHIND_MS: String(100 * 366 * 86_400_000),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  await vi.waitFor(() => expect(log).toContain('"ready"'), 30_000);
  const trap = proxy.intercept({
    matches: ({ from, request }) => from === 'client' && isWindowWrite(request),
    fate: 'hold',
    times: 1,
  });
  const shard = freshShard();
  const { id, source, type, extensions, data } = batch(shard, 1, 3);
  const headers = Object.entries({ id, source, type, specversion: '1.0', ...extensions });
  const answer = fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(headers.map(([name, value]) => [`ce-${name}`, value])),
    },
    body: JSON.stringify(data),
  });
  await trap.caught;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await vi.waitFor(() => expect(log).toContain('stopping'), 10_000);
  trap.release();
  expect((await answer).status).toBe(204);
  expect(await exited).toEqual([0, null]);
  const window = await createWindowStore(direct).read({ shard, windowStartMs: W0 });
  expect(window.rows.size).toBe(3);
  // And its provisional candles were acknowledged.
  expect(await admin.fetchTopicOffsets(topic)).toMatchObject([{ high: '1' }]);
  await admin.disconnect();
});
