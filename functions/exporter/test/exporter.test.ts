import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { bucketOf } from '@kandle/market/view/buckets';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { promote, rollBack } from '@kandle/runtime/promotions';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { freePort } from '@kandle/servers/ports/ports';

const RUN = randomUUID().slice(0, 8);
const TOPICS = { raw: `${RUN}.raw`, dead: `${RUN}.dead`, rejects: `${RUN}.rejects` };
const KEYSPACE = `exporter_${RUN}`;
const SCRIPT = join(import.meta.dirname, '../src/index.ts');
const { contactPoints, port: cassandraPort } = inject('cassandra');
const kafka = createKafka(
  { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false },
  'test',
  createLogger('test', 'silent'),
);
const admin = kafka.admin();
const producer = kafka.producer();
const cassandra = createCassandra(
  CassandraEnv.parse({
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_PORT: String(cassandraPort),
    CASSANDRA_KEYSPACE: KEYSPACE,
  }),
  { useKeyspace: false },
);

/** Writes so many records to the first partition of a topic. */
async function fill(topic: string, records: number): Promise<void> {
  const messages = Array.from({ length: records }, (_, n) => ({ partition: 0, value: String(n) }));
  await producer.send({ topic, messages });
}

beforeAll(async () => {
  await Promise.all([
    admin.connect(),
    producer.connect(),
    migrate(cassandra, join(import.meta.dirname, '../../../cql'), laptopSchemaValues(KEYSPACE)),
  ]);
  await createTopics(
    admin,
    Object.values(TOPICS).map((topic) => ({ topic, partitions: 2 })),
  );
  await fill(TOPICS.raw, 10);
  await fill(TOPICS.dead, 3);
  await fill(TOPICS.rejects, 2);
  await admin.setOffsets({
    groupId: `${RUN}-transform`,
    topic: TOPICS.raw,
    partitions: [{ partition: 0, offset: '4' }],
  });
});

afterAll(async () => {
  await cassandra.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
  await Promise.all([admin.disconnect(), producer.disconnect(), cassandra.shutdown()]);
});

interface Exporter {
  readonly child: ChildProcess;
  /** The samples of `/metrics`, by name and labels. */
  readonly read: () => Promise<ReadonlyMap<string, number>>;
  readonly statusOf: (path: string) => Promise<number>;
  readonly log: () => string;
}

async function startExporter(env: Readonly<Record<string, string>> = {}): Promise<Exporter> {
  const port = await freePort();
  const child = spawn(process.execPath, [SCRIPT], {
    env: {
      HTTP_PORT: String(port),
      COLLECT_INTERVAL_MS: '100',
      GROUP_PREFIX: `${RUN}-`,
      SOURCES: `${RUN}-transform=${TOPICS.raw},${RUN}-never=${TOPICS.raw},${RUN}-gone=${RUN}.nowhere`,
      DEAD_TOPIC: TOPICS.dead,
      REJECTS_TOPIC: TOPICS.rejects,
      KAFKA_BROKERS: inject('kafkaBrokers').join(','),
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_PORT: String(cassandraPort),
      CASSANDRA_KEYSPACE: KEYSPACE,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const url = `http://127.0.0.1:${port}`;
  const statusOf = async (path: string): Promise<number> => (await fetch(url + path)).status;
  await vi.waitFor(async () => expect(await statusOf('/health/readiness')).toBe(204), 60_000);
  return {
    child,
    statusOf,
    log: () => output,
    async read() {
      const text = await (await fetch(`${url}/metrics`)).text();
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(lines.map((line) => [line.replace(/ \S+$/, ''), Number(line.split(' ').at(-1))]));
    },
  };
}

const run = (cql: string, values: readonly unknown[]): Promise<unknown> =>
  cassandra.execute(cql.replace('INTO ', `INTO ${KEYSPACE}.`), [...values], { prepare: true });

test('the exporter tells lag, dead letters, freshness, open windows, gaps and the audit, and follows them', async () => {
  const day = new Date().toISOString().slice(0, 10);
  const latest = 'INSERT INTO latest (feed, symbol, time, price, size) VALUES (?, ?, ?, 1, 1)';
  const shard = 'INSERT INTO shards (shard, version, open, closed_to) VALUES (?, 1, ?, ?)';
  const gap =
    'INSERT INTO feed_gaps (feed, day, from_time, shard, reason, to_time, dropped_records) VALUES (?, ?, ?, ?, ?, ?, 0)';
  const audit =
    'INSERT INTO audits (scope, finished_at, verdict, differences, windows_checked, skipped, dead_letters_missed, refused) VALUES (?, ?, ?, ?, 7, 1, 0, ?)';
  const list = 'INSERT INTO instrument_lists (feed, list, taken_at, refusal, active) VALUES (?, ?, ?, ?, 7)';
  await Promise.all([
    run(audit, ['all', new Date(1_700_000_000_000), 'different', 5n, 1n]),
    run(audit, ['all', new Date(1_700_003_600_000), 'refused', 2n, 30n]),
    run(audit, ['finnhub', new Date(1_700_000_000_000), 'clean', 0n, null]),
    run(latest, ['finnhub', 'AAPL', new Date(1_700_000_000_500)]),
    run(latest, ['finnhub', 'MSFT', new Date(1_700_000_002_000)]),
    run(latest, ['finnhub', 'TSLA', new Date(1_700_000_001_000)]),
    run(shard, ['finnhub-00', '1700000000000,1700000005000', new Date(1_700_000_000_000)]),
    run(shard, ['finnhub-01', '1700000005000', null]),
    run(shard, ['other-00', '', new Date(1_600_000_000_000)]),
    run(gap, ['finnhub', day, new Date(), 'finnhub-00', 'silent', new Date()]),
    run(
      "INSERT INTO feed_gaps (feed, day, from_time, shard, reason, backfill_state) VALUES (?, ?, ?, ?, ?, 'partly')",
      ['finnhub', day, new Date(1), 'finnhub-01', 'mute'],
    ),
    run(list, ['finnhub', 'stocks:US', new Date(1_700_000_000_000), 'it shrank']),
    run(list, ['finnhub', 'crypto:BINANCE', new Date(1_700_000_001_000), '']),
    run(list, ['twelvedata', 'stocks', null, 'twelvedata answers 401']),
    run(gap, ['finnhub', '2020-01-01', new Date(0), 'finnhub-00', 'silent', new Date()]),
  ]);
  const { read, statusOf, child, log } = await startExporter({ MAX_SYMBOLS: '1' });
  const first = await read();
  expect(Object.fromEntries(first)).toMatchObject({
    'kandle_up{part="kafka"}': 1,
    'kandle_up{part="cassandra"}': 1,
    [`kandle_consumer_lag_events{topic="${TOPICS.raw}",group="${RUN}-transform"}`]: 6,
    [`kandle_consumer_committed_events_total{topic="${TOPICS.raw}",group="${RUN}-transform"}`]: 4,
    // It has committed nothing ever, so that Kafka does not know it.
    [`kandle_consumer_lag_events{topic="${TOPICS.raw}",group="${RUN}-never"}`]: 10,
    [`kandle_consumer_committed_events_total{topic="${TOPICS.raw}",group="${RUN}-never"}`]: 0,
    [`kandle_topic_events_total{topic="${TOPICS.raw}"}`]: 10,
    [`kandle_topic_events_total{topic="${TOPICS.dead}"}`]: 3,
    [`kandle_dead_letters{topic="${TOPICS.dead}"}`]: 3,
    [`kandle_reject_events{topic="${TOPICS.rejects}"}`]: 2,
    'kandle_newest_trade_timestamp_seconds{feed="finnhub",symbol="AAPL"}': 1_700_000_000.5,
    'kandle_newest_trade_timestamp_seconds{feed="finnhub",symbol="other"}': 1_700_000_002,
    'kandle_symbols{feed="finnhub"}': 3,
    'kandle_open_windows{feed="finnhub"}': 3,
    'kandle_open_windows{feed="other"}': 0,
    'kandle_oldest_open_window_timestamp_seconds{feed="finnhub",shard="finnhub-00"}': 1_700_000_000,
    'kandle_oldest_open_window_timestamp_seconds{feed="finnhub",shard="finnhub-01"}': 1_700_000_005,
    'kandle_shard_closed_timestamp_seconds{feed="finnhub",shard="finnhub-00"}': 1_700_000_000,
    'kandle_shard_closed_timestamp_seconds{feed="other",shard="other-00"}': 1_600_000_000,
    'kandle_feed_gaps_today{feed="finnhub",reason="silent"}': 1,
    'kandle_feed_gaps_today{feed="finnhub",reason="disconnected"}': 0,
    'kandle_gap_backfills_today{feed="finnhub",state="partly"}': 1,
    'kandle_gap_backfills_today{feed="finnhub",state="filled"}': 0,
    'kandle_audit_finished_timestamp_seconds{scope="all"}': 1_700_003_600,
    'kandle_audit_differences{scope="all"}': 2,
    'kandle_audit_differences{scope="finnhub"}': 0,
    'kandle_audit_windows_checked{scope="all"}': 7,
    'kandle_audit_refused_records{scope="all"}': 30,
    'kandle_audit_refused_records{scope="finnhub"}': 0,
    'kandle_audit_verdict{scope="all",verdict="refused"}': 1,
    'kandle_audit_verdict{scope="finnhub",verdict="clean"}': 1,
    'kandle_instruments_taken_timestamp_seconds{feed="finnhub",list="stocks:US"}': 1_700_000_000,
    'kandle_instruments_refused{feed="finnhub",list="stocks:US"}': 1,
    'kandle_instruments_refused{feed="finnhub",list="crypto:BINANCE"}': 0,
    'kandle_instruments_active{feed="finnhub",list="crypto:BINANCE"}': 7,
    'kandle_instruments_refused{feed="twelvedata",list="stocks"}': 1,
  });
  expect([...first.keys()].filter((key) => /MSFT|TSLA|taken.*twelvedata/.test(key))).toEqual([]);

  await fill(TOPICS.raw, 5);
  await fill(TOPICS.dead, 1);
  // As retention does, which takes away more than comes. KafkaJS knows the leader of a topic that it was asked
  // about.
  await admin.fetchTopicOffsets(TOPICS.dead);
  await admin.deleteTopicRecords({ topic: TOPICS.dead, partitions: [{ partition: 0, offset: '3' }] });
  await run(latest, ['finnhub', 'AAPL', new Date(1_700_000_009_000)]);
  await vi.waitFor(async () => {
    const later = await read();
    expect(later.get(`kandle_consumer_lag_events{topic="${TOPICS.raw}",group="${RUN}-transform"}`)).toBe(11);
    expect(later.get(`kandle_dead_letters{topic="${TOPICS.dead}"}`)).toBe(1);
    expect(later.get(`kandle_topic_events_total{topic="${TOPICS.dead}"}`)).toBe(4);
    expect(later.get('kandle_newest_trade_timestamp_seconds{feed="finnhub",symbol="AAPL"}')).toBe(
      1_700_000_009,
    );
  }, 30_000);
  expect(await statusOf('/health/liveness')).toBe(204);
  expect(await statusOf('/other')).toBe(404);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(log()).not.toContain('"level":"warn"');
});

test('the exporter shows the newest indicators of the symbols that it shows, and none that is not warm', async () => {
  const feed = 'indicated';
  const latest = 'INSERT INTO latest (feed, symbol, shard, time, price, size) VALUES (?, ?, ?, ?, 1, 1)';
  const midnight = Date.UTC(2026, 0, 2);
  const shardOf = (symbol: string): string => `${feed}-${symbol === 'AAPL' ? '03' : '04'}`;
  const traded = (symbol: string, timeMs: number) =>
    run(latest, [feed, symbol, shardOf(symbol), new Date(timeMs)]);
  const indicated = (
    symbol: string,
    startMs: number,
    numbers: Readonly<Record<string, number>>,
    names: string,
  ) => {
    const columns = Object.keys(numbers);
    return run(
      `INSERT INTO indicators (feed, shard, bucket, symbol, start, names, ${columns.join(', ')}) VALUES (?, ?, ?, ?, ?, ?${', ?'.repeat(columns.length)})`,
      [
        feed,
        shardOf(symbol),
        new Date(bucketOf('indicators', startMs)),
        symbol,
        new Date(startMs),
        names,
        ...Object.values(numbers),
      ],
    );
  };
  await Promise.all([
    traded('AAPL', midnight + 1_000),
    traded('MSFT', midnight - 1_000),
    traded('TSLA', midnight),
    // The first trade of a bucket, and no window of it closed yet.
    indicated('AAPL', midnight - 5_000, { sma: 184.5, ema: Number.NaN, rsi: 71.25 }, 'sma20 rsi14'),
    indicated('AAPL', midnight - 10_000, { sma: 1, ema: 2, rsi: 3 }, 'sma20 ema20 rsi14'),
    indicated('MSFT', midnight - 90_000_000, { sma: 3 }, 'sma20'),
    indicated('TSLA', midnight - 5_000, { sma: 9 }, 'sma20'),
  ]);
  const { read, child } = await startExporter({ SYMBOLS: 'AAPL,MSFT,NONE' });
  const shown = [...(await read())].filter(([key]) => key.includes(`feed="${feed}"`));
  const gauges = shown.filter(([key]) => /^kandle_(ma|ema|rsi)\{/.test(key));
  expect(gauges.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
    [`kandle_ma{feed="${feed}",symbol="AAPL"}`, 184.5],
    [`kandle_rsi{feed="${feed}",symbol="AAPL"}`, 71.25],
  ]);
  child.kill('SIGTERM');
  await once(child, 'exit');
});

test('the exporter tells what is promoted, and within its next look what is not any more', async () => {
  const client = createCassandra(
    CassandraEnv.parse({
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_PORT: String(cassandraPort),
      CASSANDRA_KEYSPACE: KEYSPACE,
    }),
  );
  const { read, child } = await startExporter();
  const promoted = async () => [...(await read())].filter(([key]) => key.startsWith('kandle_promoted'));
  expect(await promoted()).toEqual([]);
  const shadow = `${KEYSPACE}_s_one`;
  const fromMs = Date.UTC(2026, 10, 20, 10);
  await promote(client, { keyspace: shadow, fromMs, toMs: fromMs + 7_200_000 }, new Date());
  const labels = `keyspace="${shadow}",from="2026-11-20T10:00:00.000Z",to="2026-11-20T12:00:00.000Z"`;
  await vi.waitFor(
    async () => expect(await promoted()).toEqual([[`kandle_promoted_range_seconds{${labels}}`, 7_200]]),
    10_000,
  );
  await rollBack(client, new Date());
  await vi.waitFor(async () => expect(await promoted()).toEqual([]), 10_000);
  child.kill('SIGTERM');
  await Promise.all([once(child, 'exit'), client.shutdown()]);
});

test.for([
  ['Cassandra', 'cassandra', 'kafka', { CASSANDRA_PORT: '9' }],
  ['Kafka', 'kafka', 'cassandra', { KAFKA_BROKERS: '127.0.0.1:9' }],
] as const)('the exporter answers and says what is away, when %s is', async ([, away, there, env]) => {
  const { read, statusOf, child, log } = await startExporter(env);
  const samples = await read();
  expect(samples.get(`kandle_up{part="${away}"}`)).toBe(0);
  expect(samples.get(`kandle_up{part="${there}"}`)).toBe(1);
  expect([...samples.keys()].some((key) => key.startsWith('kandle_dead_letters'))).toBe(there === 'kafka');
  expect([...samples.keys()].some((key) => key.startsWith('kandle_open_windows'))).toBe(
    there === 'cassandra',
  );
  expect(await statusOf('/health/liveness')).toBe(204);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(log()).toContain('exporter ends');
});
