import { setTimeout as sleep } from 'node:timers/promises';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { TOPICS } from '@kandle/market/event/topics';
import type { RunPlan } from '@kandle/knative/plan';
import { prefixPlan } from '@kandle/knative/prefix';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { createEventProducer } from '@kandle/runtime/event-producer';
import type { createKafka } from '@kandle/runtime/kafka';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import type { PollSizes } from '@kandle/stand-in/kafka-source/source';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { backlogOf } from './backlog.ts';
import { countCandles, countTrades } from './count-stored.ts';
import type { DrainLook, DrainRun } from './drain-report.ts';
import { type Part, planOf } from './parts.ts';
import { createUsage, rolesOf } from './process-usage.ts';
import { watchServerUse } from './server-use.ts';
import type { OwnServers } from './servers.ts';

type Kafka = ReturnType<typeof createKafka>;

/** What drains share. */
export interface DrainRig {
  readonly servers: OwnServers;
  readonly kafka: Kafka;
  readonly admin: ReturnType<Kafka['admin']>;
  readonly plan: RunPlan;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** A backlog to make. */
export interface BacklogSize {
  readonly trades: number;
  readonly symbols: number;
  readonly rate: number;
  readonly shards: number;
  readonly batch: number;
}

/** A backlog to work off. */
export interface DrainOptions extends BacklogSize {
  /** Name of this drain: of its topics and of its keyspace. */
  readonly name: string;
  /** How many batches wait. */
  readonly batches: number;
  readonly parts: readonly Part[];
  readonly poll: PollSizes;
  /** Variables of a process, by its name: to profile it. */
  readonly processEnv?: (name: string) => Readonly<Record<string, string>>;
}

const LOOK_MS = 250;
const SAY_MS = 5_000;
const GIVE_UP_MS = 20 * 60_000;
/** So many batches are handed to Kafka at a time. */
const AT_ONCE = 50;
const QUIET = { lookMs: 1_000, busy: 0.15, giveUpMs: 60_000 };

/** The topics' prefix and the keyspace of a drain. */
export function placesOf(name: string): { readonly prefix: string; readonly keyspace: string } {
  return { prefix: `${name}.`, keyspace: `kandle_${name}` };
}

/** Makes a drain's topics and lets a backlog wait there, as Avro or JSON. @returns How many batches. */
export async function fillTopics(
  { admin, kafka, plan }: DrainRig,
  name: string,
  size: BacklogSize,
  avro: AvroEvents | null = null,
): Promise<number> {
  const { prefix } = placesOf(name);
  await createTopics(admin, prefixPlan(plan, prefix).topics);
  return await fill(kafka, prefix + TOPICS.raw, backlogOf(size), avro);
}

/** Writes events to the raw topic as ingest does. @returns How many. */
async function fill(
  kafka: Kafka,
  topic: string,
  events: Iterable<MarketEvent>,
  avro: AvroEvents | null,
): Promise<number> {
  const producer = createEventProducer(kafka, avro);
  let count = 0;
  let group: MarketEvent[] = [];
  for (const event of events) {
    count += 1;
    group.push(event);
    if (group.length < AT_ONCE) continue;
    await producer.send(topic, group);
    group = [];
  }
  await producer.send(topic, group);
  await producer.close();
  return count;
}

/**
 * Waits until the servers have done what they were left with: compactions, what the compiler still had to do.
 */
export async function untilQuiet({ servers, signal }: DrainRig): Promise<void> {
  const usage = createUsage();
  const alive = new Map([['servers', [servers.pids.kafka, servers.pids.cassandra]]]);
  const cpu = (): number => usage.sample(alive).get('servers')?.cpuSeconds ?? 0;
  const endMs = performance.now() + QUIET.giveUpMs;
  for (let before = cpu(); performance.now() < endMs; ) {
    await sleep(QUIET.lookMs, undefined, { signal });
    const now = cpu();
    if ((now - before) * 1_000 < QUIET.busy * QUIET.lookMs) return;
    before = now;
  }
}

/** Works a backlog off with new processes, until every trade is stored, and counts what it took. */
export async function drainOnce(rig: DrainRig, options: DrainOptions): Promise<DrainRun> {
  const { servers, admin, say, signal } = rig;
  const { name, parts, trades, symbols, batches, processEnv } = options;
  const { prefix, keyspace } = placesOf(name);
  const crashes: string[] = [];
  const pipeline = await startPipeline({
    plan: planOf(rig.plan, parts),
    prefix,
    servers,
    keyspace,
    logFolder: servers.logFolder,
    feed: null,
    log: say,
    poll: options.poll,
    ...(processEnv === undefined ? {} : { processEnv }),
    hooks: {
      onSpawn: servers.hooks.onSpawn,
      onExit: (role, pid, expected) => {
        servers.hooks.onExit(role, pid, expected);
        if (!expected) crashes.push(role);
      },
    },
  });
  try {
    const usage = createUsage();
    const alive = rolesOf(pipeline, servers.pids);
    const sample = () => Object.fromEntries(usage.sample(alive()));
    const first = sample();
    const useSince = await watchServerUse(pipeline.client, keyspace, servers.pids.cassandra);
    const { drainedMs, looks } = await watch(pipeline, sample, { say, signal });
    say('At rest; counting what is stored …');
    const cassandra = await useSince();
    const dead = await admin.fetchTopicOffsets(prefix + TOPICS.dead);
    return {
      trades,
      symbols,
      batches,
      parts,
      drainedMs,
      first,
      looks,
      cassandra,
      stored: {
        trades: parts.includes('trades') ? await countTrades(pipeline.client, keyspace) : trades,
        inFinalCandles: parts.includes('candles')
          ? (await countCandles(pipeline.client, keyspace)).inFinalCandles
          : trades,
      },
      deadLetters: dead.reduce((sum, { high }) => sum + Number(high), 0),
      crashes,
    };
  } finally {
    await pipeline.stop();
  }
}

/** Looks at everything until nothing is under way any more. */
async function watch(
  pipeline: Pipeline,
  sample: () => DrainLook['usage'],
  { say, signal }: Pick<DrainRig, 'say' | 'signal'>,
): Promise<{ readonly drainedMs: number; readonly looks: readonly DrainLook[] }> {
  const startedMs = performance.now();
  const looks: DrainLook[] = [];
  for (let saidMs = 0, isAtRest = false, last = ''; !isAtRest; ) {
    await sleep(LOOK_MS, undefined, { signal });
    const atMs = performance.now() - startedMs;
    if (atMs > GIVE_UP_MS) throw new Error('Cannot measure: the backlog was not worked off in 20 minutes');
    const delivered = Object.fromEntries(
      pipeline.sources.map((source) => [source.plan.name, source.stats.delivered]),
    );
    looks.push({ atMs, delivered, usage: sample() });
    // To ask Kafka where every source stands costs what is measured: only when nothing seems to move.
    const moved = Object.values(delivered).join();
    isAtRest = moved === last && (await pipeline.isAtRest());
    last = moved;
    if (atMs - saidMs < SAY_MS) continue;
    saidMs = atMs;
    const counts = Object.entries(delivered).map(([source, count]) => `${source} ${count}`);
    say(`  ${(atMs / 1_000).toFixed(0)} s: ${counts.join(', ')}`);
  }
  return { drainedMs: performance.now() - startedMs, looks };
}
