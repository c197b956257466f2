import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveClosedHours } from '@kandle/archive/archive';
import { prefixPlan } from '@kandle/knative/prefix';
import { readPlan } from '@kandle/knative/read-plan';
import { TOPICS } from '@kandle/market/event/topics';
import { formatRawBatch, type RawRecord } from '@kandle/market/feed/raw-batch';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { readRecords } from '@kandle/runtime/read-records';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { startPipeline } from '@kandle/stand-in/pipeline';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Difference } from '../src/shadow/differences.ts';
import { main } from '../src/shadow/main.ts';
import { fillShadow } from '../src/shadow/fill-shadow.ts';
import { runShadow, type ShadowReport } from '../src/shadow/run-shadow.ts';

const BEGIN_MS = Date.parse('2026-11-20T10:00Z');
const SECONDS = 120;
const SHARDS = ['test-00', 'test-01'];
const SYMBOLS = ['A', 'B C'];
/** It counts for everything by `us-tape`; the planted rules let it count for nothing. */
const CODE = '7';
/** Later than the grace of 2 s, and earlier than one of 20 s. */
const LATE_MS = 12_000;

interface MadeTrade {
  readonly symbol: string;
  readonly timeMs: number;
  readonly isMarked: boolean;
}

const name = `shadow${Date.now()}`;
const prefix = `${name}.`;
const folder = mkdtempSync(join(tmpdir(), 'kandle-shadow-'));
const made: MadeTrade[] = [];
const env = {
  KAFKA_BROKERS: inject('kafkaBrokers').join(','),
  CASSANDRA_CONTACT_POINTS: inject('cassandra').contactPoints.join(','),
  CASSANDRA_PORT: String(inject('cassandra').port),
  CASSANDRA_KEYSPACE: name,
};
const kafka = createKafka(KafkaEnv.parse(env), name, createLogger(name, 'silent'));
const admin = kafka.admin();
const client: Client = createCassandra(CassandraEnv.parse(env), { useKeyspace: false });

/**
 * Two shards of two symbols: a batch each two seconds; a late trade now and then; marked trades in some
 * windows.
 */
function* market() {
  for (const [place, shard] of SHARDS.entries()) {
    let sequence = 0;
    for (let atMs = BEGIN_MS; atMs < BEGIN_MS + SECONDS * 1_000; atMs += 2_000) {
      sequence += 1;
      const records = SYMBOLS.flatMap((symbol, index): RawRecord[] => {
        const isLate = sequence % 20 === 0 && index === 0;
        // Of every fifth window of a symbol all trades are marked, of every third one.
        const window = Math.floor((atMs - BEGIN_MS) / 5_000);
        const trade: MadeTrade = {
          symbol: `${symbol}${place}`,
          timeMs: atMs + 100 * index - (isLate ? LATE_MS : 0),
          isMarked: !isLate && (window % 5 === index || (window % 3 === 0 && sequence % 3 === 0)),
        };
        made.push(trade);
        return [
          {
            id: `${shard}:${sequence}:${index}`,
            record: {
              s: trade.symbol,
              p: 100 + (sequence % 7),
              t: trade.timeMs,
              v: 1 + index,
              c: trade.isMarked ? [CODE] : null,
            },
          },
        ];
      });
      yield formatRawBatch({
        shard,
        epoch: 1,
        sequence,
        records,
        rules: 'us-tape',
        watermarkMs: atMs,
        watermarkBeforeMs: atMs - 2_000,
        ingestTimeMs: Date.now(),
      });
    }
    const watermarkMs = BEGIN_MS + SECONDS * 1_000 + 50_000;
    yield formatRawBatch({
      shard,
      epoch: 1,
      sequence: sequence + 1,
      records: [],
      rules: 'us-tape',
      watermarkMs,
      watermarkBeforeMs: watermarkMs - 50_000,
      ingestTimeMs: Date.now(),
    });
  }
}

beforeAll(async () => {
  const plan = await readPlan();
  const services = plan.services.filter((one) => ['transform', 'aggregate', 'persist'].includes(one.name));
  const production = {
    ...plan,
    services,
    sources: plan.sources.filter((one) => services.some(({ name: sink }) => sink === one.sink)),
  };
  await Promise.all([admin.connect(), client.connect()]);
  await createTopics(admin, prefixPlan(production, prefix).topics);
  const producer = createEventProducer(kafka);
  await producer.send(prefix + TOPICS.raw, [...market()]);
  await producer.close();
  const pipeline = await startPipeline({
    plan: production,
    prefix,
    servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
    keyspace: name,
    logFolder: folder,
    feed: null,
    log: () => undefined,
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
  });
  while (!(await pipeline.isAtRest())) await sleep(100);
  await pipeline.stop();
});

afterAll(async () => {
  const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  await admin.deleteTopics({ topics });
  const { rows } = await client.execute('SELECT keyspace_name FROM system_schema.keyspaces');
  for (const keyspace of rows.map((row) => String(row['keyspace_name'])))
    if (keyspace.startsWith(name))
      await client.execute(`DROP KEYSPACE ${keyspace}`, [], { readTimeout: 60_000 });
  await Promise.all([admin.disconnect(), client.shutdown()]);
  rmSync(folder, { recursive: true, force: true });
});

function play(shadow: string, change: Partial<Parameters<typeof runShadow>[0]> = {}): Promise<ShadowReport> {
  return runShadow({
    kafka: KafkaEnv.parse(env),
    cassandra: CassandraEnv.parse(env),
    prefix,
    name: shadow,
    fromMs: BEGIN_MS,
    toMs: BEGIN_MS + SECONDS * 1_000,
    rules: null,
    graceMs: null,
    pace: null,
    archiveFolder: null,
    logFolder: join(folder, shadow),
    say: () => undefined,
    ...change,
  });
}

async function noteRollup(keyspace: string): Promise<void> {
  await client.execute(
    `INSERT INTO ${keyspace}.rollup_pending (shard, process, minute, event) VALUES ('test-00', 'x', ?, 'e')`,
    [new Date(BEGIN_MS)],
    { prepare: true },
  );
}

/** Everything that the pipeline's own tables hold, and what its topics have. */
async function everything(): Promise<string> {
  const hash = createHash('sha256');
  const tables = await client.execute(
    'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
    [name],
    { prepare: true },
  );
  for (const table of tables.rows.map((row) => String(row['table_name'])).toSorted()) {
    const { rows } = await client.execute(`SELECT JSON * FROM ${name}.${table}`);
    hash.update(
      `${table}\n${rows
        .map((row) => String(row['[json]']))
        .toSorted()
        .join('\n')}\n`,
    );
  }
  for (const topic of (await admin.listTopics())
    .filter((one) => one.startsWith(`${prefix}market.`))
    .toSorted())
    hash.update(JSON.stringify([topic, await admin.fetchTopicOffsets(topic)]));
  return hash.digest('hex');
}

const startOf = (timeMs: number): number => timeMs - (timeMs % 5_000);
const keyOf = ({ symbol, startMs }: Pick<Difference, 'symbol' | 'startMs'>): string => `${symbol} ${startMs}`;

/** By the plainest reading: windows of which marked trades are a part, and those of which they are all. */
function expectedOfRules(): Map<string, 'changed' | 'removed'> {
  const expected = new Map<string, 'changed' | 'removed'>();
  for (const { symbol, timeMs } of made.filter(({ isMarked }) => isMarked)) {
    const startMs = startOf(timeMs);
    const others = made.filter(
      (one) => one.symbol === symbol && startOf(one.timeMs) === startMs && !one.isMarked,
    );
    expected.set(keyOf({ symbol, startMs }), others.length === 0 ? 'removed' : 'changed');
  }
  return expected;
}

test('a shadow finds a planted change of a rule exactly, and changes nothing of the pipeline', async () => {
  const before = await everything();
  const report = await play('rules', { rules: { highLow: [], volume: [], nothing: [CODE] }, pace: 40 });
  expect(report.doubts).toEqual([]);
  const found = new Map(report.differences.map((one) => [keyOf(one), one.kind]));
  expect(found).toEqual(expectedOfRules());
  expect(new Set(found.values())).toEqual(new Set(['changed', 'removed']));
  const all = new Set(made.map(({ symbol, timeMs }) => keyOf({ symbol, startMs: startOf(timeMs) })));
  expect(report.same).toBe(all.size - found.size);
  expect(report.differences.every(({ cause }) => cause.endsWith('the rules that were given'))).toBe(true);
  expect(await everything()).toBe(before);
});

test('a copy that has a pace takes its time', async () => {
  const plan = prefixPlan(await readPlan(), `${prefix}paced.`);
  const rawTopic = `${prefix}paced.${TOPICS.raw}`;
  let begun = 0;
  const { batches } = await fillShadow(
    { fromMs: BEGIN_MS, toMs: BEGIN_MS + SECONDS * 1_000, rules: null },
    {
      kafka,
      admin,
      from: prefix + TOPICS.raw,
      archiveFolder: null,
      avro: null,
      rawTopic,
      plan: { ...plan, topics: plan.topics.filter(({ topic }) => topic === rawTopic) },
      pace: 40,
      onBegin: () => void (begun += 1),
    },
  );
  const times: number[] = [];
  const ranges = (await admin.fetchTopicOffsets(rawTopic)).map(({ partition, high }) => ({
    partition,
    from: 0n,
    to: BigInt(high),
  }));
  const limits = { name: 'paced', deadlineMs: 60_000, maxRecords: 100_000 };
  await readRecords(
    kafka,
    rawTopic,
    ranges,
    limits,
    (_, { timestamp }) => void times.push(Number(timestamp)),
  );
  expect(begun).toBe(1);
  expect(times).toHaveLength(batches);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan((batches / 40) * 1_000 - 500);
});

test('a shadow whose name is taken is refused, and leaves the topics of the other one alone', async () => {
  const topic = `${prefix}shadow.taken.${TOPICS.raw}`;
  await createTopics(admin, [{ topic, partitions: 1 }]);
  await client.execute(
    `CREATE KEYSPACE ${name}_s_taken WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
  );
  await expect(play('taken')).rejects.toThrow(`${name}_s_taken is there already`);
  expect(await admin.listTopics()).toContain(topic);
});

test('a shadow finds another grace exactly: windows that a late trade no longer revises', async () => {
  const report = await play('grace', {
    graceMs: 20_000,
    // As if persist had been ended before it had made the longer candles of a minute.
    say: (line) => void (line.startsWith('Played') && noteRollup(`${name}_s_grace`)),
  });
  expect(report.doubts).toEqual(['1 minutes are not in the longer candles yet']);
  const late = made.filter((_, index) => index % (SYMBOLS.length * 20) === SYMBOLS.length * 19);
  expect(late.length).toBeGreaterThan(3);
  expect(report.differences.map(keyOf).toSorted()).toEqual(
    late.map(({ symbol, timeMs }) => keyOf({ symbol, startMs: startOf(timeMs) })).toSorted(),
  );
  for (const { kind, fields, cause } of report.differences) {
    expect(kind).toBe('changed');
    expect(fields).toMatchObject({ state: ['revised', 'final'] });
    expect(cause).toContain('the grace that was given');
  }
});

test('what Kafka no longer has is played from an archive without a difference; promoted, dropped and back', async () => {
  const archiveFolder = join(folder, 'archive');
  await archiveClosedHours({
    kafka,
    topic: prefix + TOPICS.raw,
    folder: archiveFolder,
    group: `${name}-archive`,
    closeAfterMs: 1,
    readMs: 60_000,
    wallMs: () => Date.now() + 7_200_000,
    onHour: () => undefined,
  });
  const ends = await admin.fetchTopicOffsets(prefix + TOPICS.raw);
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic: prefix + TOPICS.raw, partitions });
  await admin.deleteGroups([`${name}-archive`]);
  const report = await play('archived', { archiveFolder });
  expect(report).toMatchObject({ differences: [], more: 0, doubts: [] });
  expect(report.same).toBeGreaterThan(40);

  const run = async (...args: string[]): Promise<string> => {
    const said: string[] = [];
    const code = await main(args, env, {
      print: (text) => said.push(text),
      progress: (text) => said.push(text),
    });
    return `${code} ${said.join('\n')}`;
  };
  expect(await run('--list')).toBe('0 Readers find everything where the pipeline writes');
  expect(await run('--promote', 'never')).toContain('2 never: no such shadow was played to its end');
  const promoted = `0 Readers find 2026-11-20T10:00:00.000Z to 2026-11-20T10:02:00.000Z in ${name}_s_archived`;
  expect(await run('--promote', 'archived')).toBe(promoted);
  expect(await run('--list')).toBe(promoted);
  expect(await run('--drop', 'archived')).toContain('2 archived: readers look into it');
  expect(await run('--rollback')).toBe('0 Readers find everything where the pipeline writes');
  expect(await run('--drop', 'archived')).toBe(`0 ${name}_s_archived is gone`);
  expect(await run('--rollback')).toBe('0 Readers find everything where the pipeline writes');
  expect(await run('--from', '1h', '--rollback')).toContain('2 Say one thing');
});
