import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ListServer, startListServer } from '@kandle/feeds/vendor/list-server';
import { readPlan } from '@kandle/knative/read-plan';
import { exportViews } from '@kandle/local/export';
import { formatInstrument } from '@kandle/market/instrument/instrument-events';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import { post } from '@kandle/stand-in/kafka-source/deliver';
import { KANDLE_POLL, type Source, startSource } from '@kandle/stand-in/kafka-source/source';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { z } from 'zod';

const KEY = 'secret-key-1';
const LIST = '/stock/symbol?exchange=US';
const { env: cassandraEnv, client, keyspace } = useTestKeyspace('instruments');
const folder = mkdtempSync(join(tmpdir(), 'kandle-instruments-'));
const brokers = inject('kafkaBrokers').join(',');
const prefix = `instruments-${Date.now()}.`;
const topic = prefix + TOPICS.instruments;
const log = createLogger('test', 'silent');
const kafka = createKafka(KafkaEnv.parse({ KAFKA_BROKERS: brokers }), 'test', log);
const admin = kafka.admin();
const producer = createEventProducer(kafka);
const letters = kafka.producer();
const ends: (() => void)[] = [];
let vendor: ListServer;
let source: Source;
let queryUrl = '';

/** A function as a process of its own. */
async function startFunction(name: string): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(REPO_ROOT, 'functions', name, 'src/index.ts')], {
    env: { ...cassandraEnv, KAFKA_BROKERS: brokers, PORT: String(port), CONSOLE: 'false' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  ends.push(() => child.kill('SIGKILL'));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  await vi.waitFor(() => expect(output).toContain('"ready"'), 60_000);
  return `http://127.0.0.1:${port}`;
}

beforeAll(async () => {
  vendor = await startListServer(KEY);
  writeFileSync(join(folder, 'key'), KEY);
  await Promise.all([admin.connect(), letters.connect()]);
  const { topics, sources } = await readPlan();
  const config = topics.find((one) => one.topic === TOPICS.instruments)?.config ?? {};
  const dead = prefix + TOPICS.dead;
  await createTopics(admin, [
    { topic, partitions: 3, config },
    { topic: dead, partitions: 1 },
  ]);
  const plan = sources.find(({ name }) => name === 'persist-instruments');
  if (plan === undefined) throw new Error('no source of instruments');
  const [persistUrl, url] = await Promise.all([startFunction('persist'), startFunction('query')]);
  queryUrl = url;
  source = await startSource(
    kafka,
    letters,
    {
      ...plan,
      topic,
      consumerGroup: prefix + plan.consumerGroup,
      delivery: { ...plan.delivery, deadLetterTopic: dead },
    },
    {
      poll: KANDLE_POLL,
      send: (headers, body, timeoutMs) => post(persistUrl, headers, body, timeoutMs),
      log: () => undefined,
    },
  );
});

afterAll(async () => {
  await source.stop();
  for (const end of ends) end();
  await admin.deleteTopics({ topics: [topic, prefix + TOPICS.dead] });
  await Promise.all([admin.disconnect(), letters.disconnect(), producer.close(), vendor.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** The real command, once, with a store in SQLite. */
async function refresh(env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(REPO_ROOT, 'functions/instruments/src/index.ts')], {
    env: {
      API_URL: vendor.url,
      API_KEY_FILE: join(folder, 'key'),
      SQLITE_FILE: join(folder, 'instruments.sqlite'),
      KAFKA_BROKERS: brokers,
      INSTRUMENTS_TOPIC: topic,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  await once(child, 'close');
  return { code: child.exitCode, output };
}

const RowsSchema = z.object({ rows: z.array(z.record(z.string(), z.unknown())) });

async function ask(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const response = await fetch(queryUrl + path);
  return RowsSchema.parse(await response.json()).rows;
}

/** What the interface answers, once it is what it should be. */
const becomes = (path: string, rows: readonly object[]): Promise<void> =>
  vi.waitFor(async () => expect(await ask(path)).toMatchObject(rows), { timeout: 20_000, interval: 50 });

const stock = (n: number, more: Readonly<Record<string, string>> = {}) => ({
  symbol: `S${n}`,
  description: `S${n} INC`,
  currency: 'USD',
  mic: 'XNAS',
  type: 'Common Stock',
  figi: `BBG${n}`,
  ...more,
});
const stocks = (count: number) => Array.from({ length: count }, (_, n) => stock(n));
const OTHER = stock(0, { figi: 'BBGX', description: 'OTHER CORP' });

test('a list goes from its vendor to the interface: a ticker that another company uses is another instrument, what is refused or away leaves the last copy with its age', async () => {
  vendor.answer(LIST, stocks(10));
  expect(await refresh()).toMatchObject({ code: 0 });
  await becomes(
    '/v1/instruments',
    stocks(10).map(({ symbol, description }) => ({ symbol, description })),
  );
  const [first] = await ask('/v1/instruments?symbol=S0');

  vendor.answer(LIST, [OTHER, ...stocks(9).slice(1)]);
  expect(await refresh()).toMatchObject({ code: 0 });
  const left = { id: 'figi:BBG0', description: 'S0 INC', status: 'inactive' };
  const other = { id: 'figi:BBGX', description: 'OTHER CORP', status: 'active', valid_to: null };
  await becomes('/v1/instruments?symbol=S0', [left, other]);
  await becomes(`/v1/instruments?symbol=S0&at=${Number(first?.['valid_from'])}`, [left]);
  await becomes(`/v1/instruments?symbol=S0&at=${Date.now()}`, [other]);
  await becomes('/v1/instruments?symbol=S9', [{ status: 'active', absences: 1 }]);
  expect(await refresh()).toMatchObject({ code: 0 });
  await becomes('/v1/instruments?symbol=S9', [{ status: 'inactive', absences: 2 }]);
  const [taken] = await ask('/v1/instrument-lists');
  expect(taken).toMatchObject({ feed: 'finnhub', list: 'stocks:US', refusal: '', active: 9 });

  // The export has both of a ticker, too.
  expect(await exportViews(client, keyspace, folder)).toMatchObject({ instruments: 11 });
  const exported = readFileSync(join(folder, 'instruments.csv'), 'utf8').split('\n');
  const [{ valid_from: from } = {}, { valid_from: to } = {}] = await ask('/v1/instruments?symbol=S0');
  expect(exported.slice(1, 3)).toEqual([
    `finnhub,S0,${String(from)},${String(to)},figi:BBG0,inactive,S0 INC,XNAS,USD,Common Stock,BBG0,`,
    `finnhub,S0,${String(to)},,figi:BBGX,active,OTHER CORP,XNAS,USD,Common Stock,BBGX,`,
  ]);

  // A list that shrinks is refused, and that is told; what is known stays.
  vendor.answer(LIST, stocks(5));
  expect(await refresh()).toMatchObject({ code: 1 });
  const refusal = expect.stringContaining('it shrank by more than 20 %');
  await becomes('/v1/instrument-lists', [{ refusal, active: 9, taken_at: taken?.['taken_at'] }]);
  expect(await ask('/v1/instruments?status=active')).toHaveLength(9);

  // Kafka away: what was kept is told the next time, though the list has not changed since.
  vendor.answer(LIST, [OTHER, ...stocks(9).slice(1), stock(10)]);
  const away = await refresh({ KAFKA_BROKERS: '127.0.0.1:1' });
  expect([away.code, away.output]).toEqual([1, expect.stringContaining('Cannot produce to Kafka')]);
  expect(await ask('/v1/instruments?symbol=S10')).toEqual([]);
  expect(await refresh()).toMatchObject({ code: 0 });
  await becomes('/v1/instruments?symbol=S10', [{ status: 'active' }]);

  // The store away: nothing is told, and the copy stays as it is, with its age.
  const [before] = await ask('/v1/instrument-lists');
  const lost = await refresh({ SQLITE_FILE: folder });
  expect([lost.code, lost.output]).toEqual([1, expect.stringContaining('Cannot keep instruments in SQLite')]);
  expect(await ask('/v1/instrument-lists')).toEqual([before]);
  expect(await ask('/v1/instruments?status=active')).toHaveLength(10);

  // Everything once more changes nothing; neither does an old event. One that is none goes to the dead letters.
  const rows = await ask('/v1/instruments');
  const { delivered } = source.stats;
  expect((await refresh({ PUBLISH: 'all' })).output).toContain('"instruments":12');
  const old = formatInstrument({
    feed: 'finnhub',
    list: 'stocks:US',
    id: 'figi:BBG0',
    ticker: 'S0',
    market: 'XNAS',
    currency: 'USD',
    type: 'Common Stock',
    description: 'OLD',
    figi: 'BBG0',
    isin: '',
    status: 'active',
    absences: 0,
    validFromMs: Number(first?.['valid_from']),
    validToMs: null,
    changedAtMs: Number(first?.['valid_from']) - 1,
  });
  const poison = { ...old, id: 'poison', type: EVENT_TYPES.instrument, data: { feed: 'finnhub' } };
  await producer.send(topic, [old, poison]);
  await vi.waitFor(
    () => expect(source.stats).toMatchObject({ delivered: delivered + 12 + 1 + 1, deadLettered: 1 }),
    { timeout: 20_000, interval: 50 },
  );
  expect(await ask('/v1/instruments')).toEqual(rows);
});
