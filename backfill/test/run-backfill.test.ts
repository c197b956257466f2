import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { shardOf } from '@kandle/market/event/shard';
import { formatRawBatch, type RawRecord } from '@kandle/market/feed/raw-batch';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runBackfill } from '../src/backfill.ts';
import type { BackfillDeps } from '../src/deps.ts';
import type { HistoryQuestion } from '../src/history.ts';
import { formatPlan, type LedgerBatch } from '../src/ledger.ts';

/** The ledger and the log on a real Kafka; the history is of this file, and the functions are not there. */

const BEGIN_MS = 1_764_000_000_000;
const HORIZON_MS = 1_000;
const SHARD_COUNT = 2;
const run = `backfill-${Date.now()}`;
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
  run,
  createLogger(run, 'silent'),
);
const admin = kafka.admin();
const producer = createEventProducer(kafka);
const ledger = kafka.producer();

/** A symbol of each shard. */
const SYMBOLS = ['test-00', 'test-01'].map((shard) => {
  const names = Array.from({ length: 26 }, (_, n) => String.fromCodePoint(65 + n));
  return names.find((name) => shardOf('test', name, SHARD_COUNT) === shard) ?? '';
});
/** Trades that the feed did not bring, of each symbol. */
const MISSED = 3;
const GAP = [BEGIN_MS + 10_000, BEGIN_MS + 20_000] as const;

/** Made and removed at once: a producer goes on asking for topics that it knows and that are gone. */
const topicsOf = (name: string) => ({ raw: `${run}-${name}.raw`, redriven: `${run}-${name}.redriven` });
const TOPICS = { race: topicsOf('race'), dry: topicsOf('dry'), unknown: topicsOf('unknown') };
const topicNames = Object.values(TOPICS).flatMap(({ raw, redriven }) => [raw, redriven]);

beforeAll(async () => {
  await Promise.all([admin.connect(), ledger.connect()]);
  await createTopics(
    admin,
    topicNames.map((topic) => ({ topic, partitions: 1 })),
  );
});
afterAll(async () => {
  await admin.deleteTopics({ topics: topicNames });
  await Promise.all([admin.disconnect(), ledger.disconnect(), producer.close()]);
});

const recordOf = (symbol: string, t: number): RawRecord['record'] => ({ s: symbol, p: 1, t, v: 1, c: null });

/** A log of two shards with a gap in each that can be filled, and one of a third that knows no symbol. */
async function writeLog(topics: BackfillDeps['topics']): Promise<BackfillDeps> {
  const header = { epoch: 1, ingestTimeMs: BEGIN_MS };
  const events = ['test-00', 'test-01', 'test-02'].flatMap((shard, index) => {
    const symbol = SYMBOLS[index];
    const batch = (sequence: number, atMs: number, watermarkBeforeMs: number) =>
      formatRawBatch({
        ...header,
        shard,
        sequence,
        watermarkMs: atMs,
        watermarkBeforeMs,
        records: symbol === undefined ? [] : [{ id: `${sequence}`, record: recordOf(symbol, atMs) }],
      });
    const endMs = GAP[1] + HORIZON_MS + 60_000;
    const gap = { shard, fromMs: GAP[0], toMs: GAP[1], reason: 'silent', droppedRecords: 0 } as const;
    return [batch(1, BEGIN_MS, 0), formatFeedGap(gap, 1), batch(2, endMs, BEGIN_MS)];
  });
  await producer.send(topics.raw, events);
  return {
    kafka,
    producer,
    avro: null,
    topics,
    horizonMs: HORIZON_MS,
    shardCount: SHARD_COUNT,
    maxTrades: 1_000,
    openHistory: () => Promise.resolve(HISTORY),
    wallMs: Date.now,
    onProgress: () => undefined,
  };
}

const HISTORY = {
  source: 'recording',
  read: ({ symbols, fromMs, toMs }: HistoryQuestion) =>
    Promise.resolve({
      records: [...symbols].flatMap((symbol) =>
        Array.from({ length: MISSED }, (_, n) => recordOf(symbol, fromMs + n)),
      ),
      covered: () => [[fromMs, toMs] as const],
      note: '',
      hasFailed: false,
    }),
};

const ALL = { feed: 'test', gap: null, sinceMs: null, untilMs: null };

/** A plan that another run puts into the ledger, as the first of its shard. */
async function planOf(shard: string, { topics }: BackfillDeps): Promise<void> {
  const batch: LedgerBatch = {
    shard,
    epoch: Date.now(),
    sequence: 1,
    ingestTimeMs: Date.now(),
    backfilled: 'recording',
    run: 'another',
    records: [{ id: 'theirs', record: recordOf(SYMBOLS[1] ?? '', GAP[0]) }],
  };
  const gap = `${shard}:${GAP[0]}:silent`;
  const entry = formatPlan({ gap, batch }, { previous: null, topic: topics.raw, wallMs: Date.now() });
  await ledger.send({ topic: topics.redriven, messages: [entry] });
}

test('runBackfill() counts what it brought in all of its tries, where another run was faster in one shard', async () => {
  const deps = await writeLog(TOPICS.race);
  let tries = 0;
  const outcome = await runBackfill(
    {
      ...deps,
      async openHistory() {
        tries += 1;
        if (tries === 1) await planOf('test-01', deps);
        return HISTORY;
      },
    },
    ALL,
    false,
  );
  expect(tries).toBe(2);
  const brought = outcome.gaps.map(({ gap, brought: count, state }) => [gap.shard, [count, state]]);
  expect(Object.fromEntries(brought)).toEqual({
    'test-00': [MISSED, 'filled'],
    // One of them is theirs.
    'test-01': [MISSED - 1, 'filled'],
    'test-02': [0, 'unfilled'],
  });
});

test('runBackfill() says in a dry run what it would bring beside what an earlier run has planned', async () => {
  const deps = await writeLog(TOPICS.dry);
  await planOf('test-01', deps);
  const { gaps } = await runBackfill(deps, ALL, true);
  const of = (shard: string) => gaps.find(({ gap }) => gap.shard === shard);
  expect(of('test-00')).toMatchObject({ brought: MISSED, state: 'filled' });
  expect(of('test-01')).toMatchObject({ brought: MISSED - 1, known: 1 });
});

test('runBackfill() says why a gap stays open of whose shard the log knows no symbol', async () => {
  const deps = await writeLog(TOPICS.unknown);
  const { gaps } = await runBackfill(deps, { ...ALL, gap: `test-02:${GAP[0]}:silent` }, false);
  expect(gaps).toMatchObject([{ state: 'unfilled', note: 'the log knows no symbol of the shard' }]);
});
