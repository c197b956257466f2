/**
 * Question: does a whole day go through archive, shadow and promote, and how long does each take?
 *
 * A day of 24 hours with a stretch of trading in each is played through transform, aggregate and persist, its
 * hours are archived, Kafka's own copy is removed, and the day is played twice more from the archive: as it
 * was, which must show no difference, and by a rule by which marked trades count for nothing, which must show
 * exactly their windows. Then readers are switched, and back. Only Kafka, Cassandra and the functions are real.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { archiveClosedHours } from '@kandle/archive/archive';
import { prefixPlan } from '@kandle/knative/prefix';
import { readPlan } from '@kandle/knative/read-plan';
import { runShadow, type ShadowReport } from '@kandle/local/shadow/run-shadow';
import { showShadow } from '@kandle/local/shadow/show-report';
import { TOPICS } from '@kandle/market/event/topics';
import { formatRawBatch, type RawRecord } from '@kandle/market/feed/raw-batch';
import { HOUR_MS } from '@kandle/runtime/archive/manifest';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { createLogger } from '@kandle/runtime/log';
import { promote, rollBack } from '@kandle/runtime/promotions';
import { shardPartitioner } from '@kandle/runtime/shard-partitioner';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { defineCommand, wholeNumber, option } from '@kandle/tooling/command';
import { CompressionTypes } from 'kafkajs';
import { type BenchRun, runBench } from './command.ts';
import { benchServers } from './servers.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:shadow',
  about: `A simulated day through archive, shadow and promote, on a real Kafka and Cassandra: their own in .kandle/shadow, or those
of KANDLE_TEST_SERVERS.`,
  options: {
    seconds: option('N', 'of each hour are traded in', wholeNumber(5, 3_600), '60'),
    rate: option('N', 'trades a second then', wholeNumber(1, 5_000), '50'),
    symbols: option('N', 'in each shard', wholeNumber(1, 1_000), '5'),
    shards: option('N', 'of the feed', wholeNumber(1, 12), '2'),
  },
});

const DAY_MS = 24 * HOUR_MS;
/** It counts for everything by `us-tape`. */
const CODE = '7';
/** Of so many trades one is marked. */
const MARK_EVERY = 500;
const PARTS = ['transform', 'aggregate', 'persist'];

await runBench(COMMAND, day);

async function day({ options, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const servers = await benchServers('shadow', say, signal);
  const name = `day${Date.now()}`;
  const prefix = `${name}.`;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-day-'));
  const env = {
    KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    CASSANDRA_CONTACT_POINTS: servers.cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(servers.cassandra.port),
    CASSANDRA_KEYSPACE: name,
  };
  const [kafkaSettings, cassandra] = [KafkaEnv.parse(env), CassandraEnv.parse(env)];
  const kafka = createKafka(kafkaSettings, 'bench', createLogger('bench', 'silent'));
  const [admin, producer] = [kafka.admin(), kafka.producer({ createPartitioner: shardPartitioner })];
  const client = createCassandra(cassandra, { useKeyspace: false });
  const fromMs = Math.floor(Date.now() / DAY_MS - 1) * DAY_MS;
  const topic = prefix + TOPICS.raw;
  const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const startedMs = performance.now();
    const result = await work();
    console.log(`${what}: ${((performance.now() - startedMs) / 1_000).toFixed(2)} s`);
    return result;
  };
  try {
    await Promise.all([admin.connect(), producer.connect(), client.connect()]);
    const plan = await readPlan();
    const pipelinePlan = {
      ...plan,
      services: plan.services.filter((one) => PARTS.includes(one.name)),
      sources: plan.sources.filter((one) => PARTS.includes(one.sink)),
    };
    await createTopics(admin, prefixPlan(pipelinePlan, prefix).topics);
    const market = createDay({ fromMs, ...options });
    await timed('written', async () => {
      for (const { atMs, event } of market.events)
        await producer.send({
          topic,
          compression: CompressionTypes.GZIP,
          messages: [{ ...toKafkaMessage(event), timestamp: String(atMs) }],
        });
    });
    console.log(
      `${market.trades} trades of 24 hours, ${market.events.length} batches, ${market.windows.size} windows`,
    );
    await timed('played as the pipeline', async () => {
      const pipeline = await startPipeline({
        plan: pipelinePlan,
        prefix,
        servers,
        keyspace: name,
        logFolder: folder,
        feed: null,
        log: say,
        hooks: { onSpawn: () => undefined, onExit: () => undefined },
        signal,
      });
      while (!(await pipeline.isAtRest())) await sleep(250, undefined, { signal });
      await pipeline.stop();
    });
    const archiveFolder = join(folder, 'archive');
    let [records, bytes] = [0, 0];
    const hours = await timed('archived', () =>
      archiveClosedHours({
        kafka,
        topic,
        folder: archiveFolder,
        group: `${name}-archive`,
        closeAfterMs: 300_000,
        readMs: 600_000,
        wallMs: Date.now,
        onHour(_, manifest) {
          records += manifest.records;
          bytes += manifest.files.reduce((sum, file) => sum + file.bytes, 0);
        },
      }),
    );
    console.log(`${hours} hours, ${records} records, ${bytes} bytes`);
    const ends = await admin.fetchTopicOffsets(topic);
    const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
    await admin.deleteTopicRecords({ topic, partitions });
    const play = (shadow: string, rules: Parameters<typeof runShadow>[0]['rules']): Promise<ShadowReport> =>
      runShadow({
        kafka: kafkaSettings,
        cassandra,
        prefix,
        name: shadow,
        fromMs,
        toMs: fromMs + DAY_MS,
        rules,
        graceMs: null,
        pace: null,
        archiveFolder,
        logFolder: join(folder, shadow),
        say,
        signal,
      });
    const same = await timed('shadow as it was', () => play('same', null));
    console.log(showShadow(same, 5));
    const ruled = await timed('shadow by another rule', () =>
      play('ruled', { highLow: [], volume: [], nothing: [CODE] }),
    );
    console.log(showShadow(ruled, 5));
    const found = new Set(ruled.differences.map(({ symbol, startMs }) => `${symbol} ${startMs}`));
    const isExact = found.size === market.marked.size && found.isSubsetOf(market.marked);
    console.log(
      `${market.marked.size} windows have a marked trade: ${isExact ? 'exactly these' : 'NOT these'}`,
    );
    const pipelineClient = createCassandra(cassandra);
    const one = { keyspace: ruled.keyspace, fromMs, toMs: fromMs + DAY_MS };
    await timed('promoted', () => promote(pipelineClient, one, new Date()));
    const back = await timed('rolled back', () => rollBack(pipelineClient, new Date()));
    await pipelineClient.shutdown();
    const isClean = same.differences.length === 0 && same.same === market.windows.size;
    return (
      hours === 24 && records === market.events.length && isClean && isExact && back.promotions.length === 0
    );
  } finally {
    const { rows } = await client.execute('SELECT keyspace_name FROM system_schema.keyspaces');
    for (const keyspace of rows.map((row) => String(row['keyspace_name'])))
      if (keyspace.startsWith(name))
        await client.execute(`DROP KEYSPACE ${keyspace}`, [], { readTimeout: 60_000 });
    const topics = (await admin.listTopics()).filter((one) => one.startsWith(prefix));
    await admin.deleteTopics({ topics });
    await admin.deleteGroups([`${name}-archive`]).catch(() => undefined);
    await Promise.all([admin.disconnect(), producer.disconnect(), client.shutdown(), servers.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface DayOptions {
  readonly fromMs: number;
  readonly seconds: number;
  readonly rate: number;
  readonly symbols: number;
  readonly shards: number;
}

/** A day's batches, one a second and shard, each with the time at which it was written. */
function createDay({ fromMs, seconds, rate, symbols, shards }: DayOptions) {
  const events: { readonly atMs: number; readonly event: ReturnType<typeof formatRawBatch> }[] = [];
  const windows = new Set<string>();
  const marked = new Set<string>();
  let trades = 0;
  const lines = Array.from({ length: shards }, (_, n) => ({
    shard: `day-0${n}`,
    sequence: 0,
    watermarkMs: fromMs,
  }));
  for (let hourMs = fromMs; hourMs < fromMs + DAY_MS; hourMs += HOUR_MS) {
    for (let second = 0; second <= seconds; second++) {
      const isClosing = second === seconds;
      const atMs = hourMs + second * 1_000 + (isClosing ? 20_000 : 0);
      for (const line of lines) {
        const count = isClosing ? 0 : Math.ceil(rate / shards);
        const records = Array.from({ length: count }, (_, n): RawRecord => {
          trades += 1;
          const timeMs = atMs + Math.floor((n * 1_000) / count);
          const s = `${line.shard.toUpperCase()}:${n % symbols}`;
          const window = `${s} ${timeMs - (timeMs % 5_000)}`;
          windows.add(window);
          if (trades % MARK_EVERY === 0) marked.add(window);
          const c = trades % MARK_EVERY === 0 ? [CODE] : null;
          return {
            id: `t${trades}`,
            record: { s, p: 100 + (trades % 97) / 100, t: timeMs, v: 1 + (trades % 9), c },
          };
        });
        line.sequence += 1;
        const watermarkMs = isClosing ? atMs : atMs + 999;
        const event = formatRawBatch({
          shard: line.shard,
          epoch: fromMs,
          sequence: line.sequence,
          watermarkMs,
          watermarkBeforeMs: line.watermarkMs,
          ingestTimeMs: atMs,
          rules: 'us-tape',
          records,
        });
        line.watermarkMs = watermarkMs;
        events.push({ atMs, event });
      }
    }
  }
  return { events, windows, marked, trades };
}
