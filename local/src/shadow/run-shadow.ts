import { mkdirSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunPlan } from '@kandle/knative/plan';
import { prefixPlan } from '@kandle/knative/prefix';
import { readPlan } from '@kandle/knative/read-plan';
import { TOPICS } from '@kandle/market/event/topics';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { createKafka, type KafkaSettings } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { type Pipeline, type ServerAddresses, startPipeline } from '@kandle/stand-in/pipeline';
import { REPO_ROOT } from '@kandle/tooling/paths';
import type { Client } from 'cassandra-driver';
import type { Admin, Kafka } from 'kafkajs';
import { type Comparison, compareCandles } from './compare.ts';
import { type Filled, fillShadow } from './fill-shadow.ts';
import { recordShadow, shadowKeyspace, shadowPrefix } from './places.ts';
import type { Played } from './take-batch.ts';

/** A shadow to play. */
export interface ShadowOptions extends Played {
  readonly kafka: KafkaSettings;
  /** With the keyspace in which the pipeline writes. */
  readonly cassandra: CassandraSettings;
  /** Where the pipeline's topics begin with something. */
  readonly prefix: string;
  readonly name: string;
  /** Instead of aggregate's own; null leaves it. */
  readonly graceMs: number | null;
  readonly archiveFolder: string | null;
  /** Most batches of the log a second; null for full speed, which delays a pipeline beside it. */
  readonly pace: number | null;
  /** Reads what is Avro of the log; null where there is no schema registry. */
  readonly avro?: AvroEvents | null;
  readonly logFolder: string;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** What a shadow has shown. */
export interface ShadowReport extends Comparison {
  readonly keyspace: string;
  readonly batches: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Why it must not be promoted, one line each. */
  readonly doubts: readonly string[];
  readonly playedMs: number;
}

/** The functions that a shadow has, by their sources: nothing that tells anybody outside. */
const SOURCES: readonly string[] = ['transform', 'aggregate', 'persist-trades', 'persist-candles'];
/** Batches may be older than the windows of the pipeline live. */
const EXPIRY_MS = String(100 * 365 * 86_400_000);
const LOOK_MS = 250;

/**
 * Plays a stretch of the raw log once more through the real functions, at full speed or a given pace, into
 * topics and a keyspace of its own, and compares what they make of it with what the pipeline has. It reads the
 * pipeline's log and tables and writes to neither.
 *
 * @throws {RetryableError} If a server is away, or a shadow of this name is there already.
 */
export async function runShadow(options: ShadowOptions): Promise<ShadowReport> {
  const { name, graceMs } = options;
  const production = options.cassandra.CASSANDRA_KEYSPACE;
  const keyspace = shadowKeyspace(production, name);
  const kafka = createKafka(options.kafka, 'shadow', createLogger('shadow', 'silent'));
  const client = createCassandra(options.cassandra, { useKeyspace: false });
  const admin = kafka.admin();
  const plan = planOf(await readPlan(), graceMs);
  const own = prefixPlan(plan, shadowPrefix(options.prefix, name));
  try {
    await Promise.all([admin.connect(), client.connect()]);
    await makeKeyspace(client, production, keyspace);
    try {
      return await play(options, { kafka, admin, client, plan, own });
    } finally {
      await removeTopics(admin, own);
    }
  } finally {
    await Promise.all([admin.disconnect(), client.shutdown()]);
  }
}

interface Stage {
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly client: Client;
  readonly plan: RunPlan;
  /** The same with the names of the shadow's topics and groups. */
  readonly own: RunPlan;
}

async function play(
  options: ShadowOptions,
  { kafka, admin, client, plan, own }: Stage,
): Promise<ShadowReport> {
  const { name, fromMs, toMs, rules, graceMs, archiveFolder, say } = options;
  const production = options.cassandra.CASSANDRA_KEYSPACE;
  const keyspace = shadowKeyspace(production, name);
  const prefix = shadowPrefix(options.prefix, name);
  const startedMs = performance.now();
  const begun = Promise.withResolvers<void>();
  const filling = fillShadow(options, {
    kafka,
    admin,
    from: options.prefix + TOPICS.raw,
    archiveFolder,
    avro: options.avro ?? null,
    rawTopic: prefix + TOPICS.raw,
    plan: own,
    pace: options.pace,
    onBegin: begun.resolve,
  });
  // Awaited below; what comes in between may fail first.
  filling.catch(() => undefined);
  // With a pace the functions work while the log is copied; without, it is copied before.
  await (options.pace === null ? filling : Promise.race([begun.promise, filling]));
  mkdirSync(options.logFolder, { recursive: true });
  const pipeline = await startPipeline({
    plan,
    prefix,
    servers: serversOf(options, keyspace),
    keyspace,
    logFolder: options.logFolder,
    feed: null,
    log: say,
    hooks: { onSpawn: (_, pid) => stepBack(pid), onExit: () => undefined },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  let filled: Filled;
  try {
    filled = await filling;
    say(`${filled.batches} batches of ${filled.shards.size} shards are played …`);
    await untilTaken(pipeline, options.signal);
  } finally {
    // persist makes the longer candles that wait when it ends.
    await pipeline.stop();
  }
  const playedMs = performance.now() - startedMs;
  say('Played; comparing …');
  const shards = new Set([...filled.shards, ...(await shardsIn(client, production))]);
  const compared = await compareCandles(client, {
    production,
    shadow: keyspace,
    shards,
    fromMs,
    toMs,
    changes: { rules: rules !== null, grace: graceMs !== null },
  });
  const doubts = [
    ...filled.cut.map(
      (shard) => `the log no longer has the first batches of ${shard}: what is older needs --archive`,
    ),
    ...(await openIn(client, keyspace, options)),
    ...(await pendingIn(client, keyspace)),
    ...(await deadIn(admin, prefix + TOPICS.dead)),
  ];
  const differences = compared.differences.length + compared.more;
  await recordShadow(client, keyspace, { fromMs, toMs, rules, graceMs, doubts, differences });
  return { ...compared, keyspace, batches: filled.batches, fromMs, toMs, doubts, playedMs };
}

/** The pipeline goes first: a shadow's process gets what others leave of the processor. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has just ended, which is told where it matters.
  }
}

function planOf(plan: RunPlan, graceMs: number | null): RunPlan {
  const sources = plan.sources.filter(({ name }) => SOURCES.includes(name));
  const sinks = new Set(sources.map(({ sink }) => sink));
  const topics: readonly string[] = [TOPICS.raw, TOPICS.trades, TOPICS.candles, TOPICS.rejects, TOPICS.dead];
  const grace = graceMs === null ? {} : { GRACE_MS: String(graceMs) };
  const changed: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    aggregate: { EXPIRY_MS, ...grace },
    // One large write at a time in front of the pipeline's own.
    persist: { TRADE_BATCHES_AT_ONCE: '1' },
  };
  return {
    topics: plan.topics.filter(({ topic }) => topics.includes(topic)),
    sources,
    services: plan.services
      .filter(({ name }) => sinks.has(name))
      .map((service) => ({ ...service, env: { ...service.env, ...changed[service.name] } })),
    ingest: null,
    observers: [],
  };
}

/** A keyspace with the tables of the pipeline's own, on as many nodes. */
async function makeKeyspace(client: Client, production: string, keyspace: string): Promise<void> {
  const found = await client.execute('SELECT keyspace_name, replication FROM system_schema.keyspaces', [], {
    prepare: true,
  });
  const replications = new Map(found.rows.map((row) => [String(row['keyspace_name']), row['replication']]));
  if (replications.has(keyspace))
    throw new RetryableError(
      `Cannot play a shadow: ${keyspace} is there already; drop it, or take another --name`,
    );
  const replication = JSON.stringify(replications.get(production) ?? null).replaceAll('"', "'");
  if (replication === 'null')
    throw new RetryableError(`Cannot play a shadow: there is no keyspace ${production} to compare with`);
  await migrate(client, join(REPO_ROOT, 'cql'), { ...laptopSchemaValues(keyspace), replication });
}

/** Waits until every function has taken all that is there for it. */
async function untilTaken(pipeline: Pipeline, signal: AbortSignal | undefined): Promise<void> {
  const isTaken = async (): Promise<boolean> =>
    [...(await pipeline.lags()).values()].every((lag) => lag === 0);
  // Twice: what was delivered last may have made something for a source that was asked before.
  for (let times = 0; times < 2; ) {
    times = (await isTaken()) ? times + 1 : 0;
    await sleep(LOOK_MS, undefined, signal === undefined ? {} : { signal });
  }
}

async function shardsIn(client: Client, keyspace: string): Promise<readonly string[]> {
  const { rows } = await client.execute(`SELECT shard FROM ${keyspace}.shards`, [], { prepare: true });
  return rows.map((row) => String(row['shard']));
}

async function openIn(
  client: Client,
  keyspace: string,
  { fromMs, toMs }: Pick<Played, 'fromMs' | 'toMs'>,
): Promise<readonly string[]> {
  const { rows } = await client.execute(`SELECT shard, open FROM ${keyspace}.shards`, [], { prepare: true });
  return rows.flatMap((row) => {
    const open = String(row['open'] ?? '')
      .split(',')
      .filter((start) => start !== '' && Number(start) >= fromMs && Number(start) < toMs);
    return open.length === 0 ? [] : [`${open.length} windows of ${String(row['shard'])} are not closed yet`];
  });
}

/** Minutes of which persist has noted that it owes the longer candles: it had to end before. */
async function pendingIn(client: Client, keyspace: string): Promise<readonly string[]> {
  const { rows } = await client.execute(`SELECT shard FROM ${keyspace}.rollup_pending`, [], {
    prepare: true,
  });
  return rows.length === 0 ? [] : [`${rows.length} minutes are not in the longer candles yet`];
}

async function deadIn(admin: Admin, topic: string): Promise<readonly string[]> {
  const letters = (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  return letters === 0 ? [] : [`${letters} events were given up on`];
}

/** Removes the topics of a shadow that was killed while it was played; those of any other are gone already. */
export async function removeLeftTopics(
  settings: KafkaSettings,
  { prefix, name }: Pick<ShadowOptions, 'prefix' | 'name'>,
): Promise<void> {
  const admin = createKafka(settings, 'shadow', createLogger('shadow', 'silent')).admin();
  await admin.connect();
  try {
    const own = shadowPrefix(prefix, name);
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(own));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
}

async function removeTopics(admin: Admin, plan: RunPlan): Promise<void> {
  await admin.deleteTopics({ topics: plan.topics.map(({ topic }) => topic) }).catch(() => undefined);
  await admin.deleteGroups(plan.sources.map(({ consumerGroup }) => consumerGroup)).catch(() => undefined);
}

function serversOf({ kafka, cassandra }: ShadowOptions, keyspace: string): ServerAddresses {
  const hasLogin =
    kafka.KAFKA_SASL_MECHANISM !== undefined || cassandra.CASSANDRA_PASSWORD_FILE !== undefined;
  return {
    kafkaBrokers: kafka.KAFKA_BROKERS,
    cassandra: {
      contactPoints: cassandra.CASSANDRA_CONTACT_POINTS,
      port: cassandra.CASSANDRA_PORT,
      localDataCenter: cassandra.CASSANDRA_LOCAL_DATACENTER,
    },
    ...(hasLogin && {
      logins: { kafka: () => kafka, cassandra: () => ({ ...cassandra, CASSANDRA_KEYSPACE: keyspace }) },
    }),
  };
}
