import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunPlan } from '@kandle/knative/plan';
import { prefixPlan } from '@kandle/knative/prefix';
import { readPlan, SINKS } from '@kandle/knative/read-plan';
import { type Pipeline, type ServerAddresses, startPipeline } from '@kandle/stand-in/pipeline';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { createCqlWire } from '@kandle/testkit/proxy/cql-wire';
import { createKafkaWire } from '@kandle/testkit/proxy/kafka-wire';
import { startProxy, type TcpProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { type Dispatcher, startDispatcher } from './dispatcher.ts';
import { FEED, type FaultyFeed, startFaultyFeed } from './faulty-feed.ts';
import { createMachine, type Machine } from './machine.ts';
import { readLag } from '@kandle/stand-in/lag';
import { type MemoryWatch, watchMemory } from './memory-watch.ts';
import type { VendorMarket } from '@kandle/feeds/vendor/vendor-market';
import type { VendorName } from '@kandle/feeds/vendor/vendor-servers';
import { type SinkHooks, type SinkServers, sinkServerEnv, startSinkServers } from './sinks.ts';
import { startVendors, vendorEnv } from './vendors.ts';
import { startWebhook, TARGET, type Webhook } from './webhook.ts';

/** The servers of a stack; null where they are not this stack's to kill. */
export interface StackServers extends ServerAddresses {
  readonly pidOf: ((server: 'kafka' | 'cassandra') => number) | null;
}

/** How a stack under faults is run. */
export interface StackOptions {
  readonly servers: StackServers;
  /** Name of the keyspace; with `isShared`, put before topics and groups too. */
  readonly keyspace: string;
  readonly isShared: boolean;
  readonly folder: string;
  readonly seed: number;
  /** Trades a second. */
  readonly rate: number;
  readonly symbols?: number;
  /** Further feeds beside the simulated market, each of another vendor. */
  readonly vendors?: readonly VendorName[];
  /** The optional functions that write to other databases run too, each with a real server of its own. */
  readonly hasSinks?: boolean;
  /** The clocks of its processes can be shifted, so that its machine can sleep. Costs each start some time. */
  readonly maySleep?: boolean;
  /** Changes what the manifests ask for. */
  readonly plan?: (plan: RunPlan) => RunPlan;
  /** Further variables of a process. */
  readonly processEnv?: (name: string) => Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
  readonly onSpawn?: (name: string, pid: number) => void;
  readonly onExit?: (pid: number) => void;
}

/**
 * A whole laptop stack with proxies in front of its servers, a feed that can be spoilt and a dispatcher of its
 * own.
 */
export interface Stack {
  readonly options: StackOptions;
  /** Topics and groups as they are named here. */
  readonly plan: RunPlan;
  readonly pipeline: Pipeline;
  readonly feed: FaultyFeed;
  /** The further feeds. */
  readonly vendors: readonly VendorMarket[];
  readonly dispatcher: Dispatcher;
  /** Between the functions (and ingest) and the servers. */
  readonly cql: TcpProxy;
  readonly kafka: TcpProxy;
  readonly memory: MemoryWatch;
  /** Null where the optional functions do not run. */
  readonly sinks: SinkServers | null;
  /** Null where clocks cannot be shifted. */
  readonly machine: Machine | null;
  /** The target of notify. */
  readonly webhook: Webhook;
  readonly prefix: string;
  /** Records of each source that are not committed. */
  lags(): Promise<ReadonlyMap<string, number>>;
  /** Waits until a process of a function serves. */
  untilAwake(name: string): Promise<void>;
  /** Waits until ingest has sent on, or refused, all that it got. */
  untilTaken(): Promise<void>;
  /**
   * Lets the market fall silent and waits until everything is acknowledged, delivered and final.
   *
   * @throws {Error} Naming what is not, with the ends of the logs.
   * @throws The reason of `signal` once it is aborted.
   */
  untilAtRest(deadlineMs: number, signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const REDELIVER_MS = 60_000;
/** A first look that is older than a minute is an old price, and counts for nothing. */
const REDELIVER_LOOKS_MS = 45_000;
const POLL_MS = 250;
const AWAKE_DEADLINE_MS = 60_000;
/** What nothing confirms is refused after a minute. */
const TAKEN_DEADLINE_MS = 150_000;

/** Starts the stack; the market trades as soon as ingest listens. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { servers, keyspace, seed, rate, symbols = 20, say } = options;
  const prefix = options.isShared ? `${keyspace}.` : '';
  const logFolder = join(options.folder, 'logs');
  mkdirSync(logFolder, { recursive: true });
  const asked = await readPlan(options.hasSinks === true ? SINKS : []);
  const plan = options.plan?.(asked) ?? asked;
  const memory = watchMemory();
  const machine = options.maySleep === true ? createMachine() : null;
  const ends: (() => unknown)[] = [() => memory.stop()];

  async function stop(): Promise<void> {
    for (const end of ends.splice(0).toReversed()) await end();
  }

  try {
    const brokerPort = Number(servers.kafkaBrokers[0]?.split(':')[1]);
    const kafka = await startProxy(brokerPort, createKafkaWire(brokerPort));
    ends.push(() => kafka.close());
    const cql = await startProxy(servers.cassandra.port, createCqlWire());
    ends.push(() => cql.close());
    const feed = await startFaultyFeed({ seed, rate, symbols, redeliverMs: REDELIVER_MS });
    ends.push(() => feed.close());
    const vendors = await startVendors(options.vendors ?? [], seed, REDELIVER_LOOKS_MS);
    ends.push(() => Promise.all(vendors.map((vendor) => vendor.close())));
    const told = toldOf(options, memory);
    const sinks = options.hasSinks === true ? await startSinkServers(told) : null;
    if (sinks !== null) ends.push(() => sinks.remove());
    const webhook = await startWebhook();
    ends.push(() => webhook.close());
    const targetsFile = join(options.folder, 'targets.yaml');
    writeFileSync(targetsFile, targetsText(webhook.url));
    const admin = new Kafka({
      clientId: 'kandle-faults',
      brokers: [...servers.kafkaBrokers],
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    ends.push(() => admin.disconnect().catch(() => undefined));

    const pipeline = await startPipeline({
      // Its event sources run in a process of their own.
      plan: { ...plan, sources: [] },
      servers,
      keyspace,
      prefix,
      logFolder,
      feed: {
        FEED,
        FEED_URL: feed.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: feed.symbols.join(','),
        RECONNECT_MIN_MS: '100',
        RECONNECT_MAX_MS: '2000',
        // The feed pings each second.
        SILENCE_MS: '5000',
      },
      moreFeeds: vendors.map(vendorEnv),
      log: say,
      hooks: { onSpawn: told.onSpawn, onExit: (_, pid) => told.onExit(pid) },
      processEnv: (name) => ({
        KAFKA_BROKERS: `127.0.0.1:${kafka.port}`,
        CASSANDRA_CONTACT_POINTS: '127.0.0.1',
        CASSANDRA_PORT: String(cql.port),
        ...(name === 'notify' ? { TARGETS_FILE: targetsFile } : {}),
        ...(sinks === null ? {} : sinkServerEnv(sinks, name)),
        ...machine?.env(),
        ...options.processEnv?.(name),
      }),
    });
    ends.push(() => pipeline.stop());
    const prefixed = prefixPlan(plan, prefix);
    const dispatcher = await startDispatcher({
      brokers: servers.kafkaBrokers,
      sources: prefixed.sources,
      services: pipeline.services,
      log: say,
      onSpawn: (pid) => told.onSpawn('dispatcher', pid),
      onExit: told.onExit,
    });
    ends.push(() => dispatcher.stop());
    return assemble(
      {
        options,
        plan: prefixed,
        pipeline,
        feed,
        vendors,
        sinks,
        dispatcher,
        cql,
        kafka,
        memory,
        machine,
        webhook,
        prefix,
        stop,
      },
      admin,
    );
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whoever starts a process tells of it here: its memory is watched, and nobody leaves it behind. */
function toldOf({ onSpawn, onExit }: StackOptions, memory: MemoryWatch): SinkHooks {
  return {
    onSpawn(name, pid) {
      memory.add(name, pid);
      onSpawn?.(name, pid);
    },
    onExit(pid) {
      memory.remove(pid);
      onExit?.(pid);
    },
  };
}

function assemble(
  parts: Omit<Stack, 'lags' | 'untilAwake' | 'untilTaken' | 'untilAtRest'>,
  admin: Admin,
): Stack {
  const { plan, pipeline, feed, vendors, options } = parts;

  async function lags(): Promise<ReadonlyMap<string, number>> {
    const entries: [string, number][] = [];
    // In the order of the flow: what is upstream and done sends nothing more.
    for (const source of plan.sources) entries.push([source.name, await readLag(admin, source)]);
    return new Map(entries);
  }

  /** What is not done yet, in words; null if all is. */
  async function findUnrest(): Promise<string | null> {
    const status = await pipeline.ingestStatus();
    if (status === null) return 'ingest does not answer';
    if (status.buffered !== 0) return 'ingest has records to send';
    const behind = [...(await lags())].filter(([, lag]) => lag > 0);
    if (behind.length > 0) return behind.map(([name, lag]) => `${name} is ${lag} events behind`).join(', ');
    const { rows } = await pipeline.client.execute(`SELECT shard, open FROM ${options.keyspace}.shards`);
    const open = rows.filter((row) => (row['open'] ?? '') !== '').map((row) => String(row['shard']));
    return open.length === 0 ? null : `windows are open in ${open.join(', ')}`;
  }

  return {
    ...parts,
    lags,
    async untilAwake(name) {
      const deadline = performance.now() + AWAKE_DEADLINE_MS;
      while ((pipeline.services.get(name)?.stats().ready ?? 0) === 0) {
        if (performance.now() > deadline) throw new Error(`Cannot disturb ${name}: no process of it woke up`);
        await sleep(20);
      }
    },
    async untilTaken() {
      const deadline = performance.now() + TAKEN_DEADLINE_MS;
      for (;;) {
        const status = await pipeline.ingestStatus();
        if (status?.buffered === 0 && status.waiting === 0) return;
        if (performance.now() > deadline)
          throw new Error('Not in time: ingest has taken or refused everything');
        await sleep(POLL_MS);
      }
    },
    async untilAtRest(deadlineMs, signal) {
      feed.setSilent(true);
      for (const vendor of vendors) vendor.set('mute');
      const deadline = performance.now() + deadlineMs;
      // Twice: what a function has just written may be another's to take.
      for (let quiet = 0; quiet < 2; ) {
        // A server that is being started again is one more thing to wait for.
        const fact = await findUnrest().catch((error: unknown) => String(error));
        quiet = fact === null ? quiet + 1 : 0;
        if (performance.now() > deadline)
          throw new Error(
            `The stack does not come to rest: ${fact}\n${logTails(join(options.folder, 'logs'))}`,
          );
        await sleep(POLL_MS);
        signal?.throwIfAborted();
      }
    },
  };
}

/** One target without a limit that matters here: JSON is YAML. */
function targetsText(url: string): string {
  const target = { name: TARGET, kind: 'json', url, ratePerMinute: 6_000, burst: 100 };
  return JSON.stringify({ allowInside: ['127.0.0.1'], targets: [target] });
}

function logTails(folder: string): string {
  return readdirSync(folder)
    .map((name) => `${name}: ${readFileSync(join(folder, name), 'utf8').slice(-1_500)}`)
    .join('\n');
}
