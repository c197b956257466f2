import { join } from 'node:path';
import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka, type KafkaSettings } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { TOPICS } from '@kandle/market/event/topics';
import type { Client } from 'cassandra-driver';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { createIngestProcess, type IngestProcess, type IngestStatus, together } from './ingest-process.ts';
import type { InstanceSpec, ProcessHooks } from './serving/instance.ts';
import { nodeMemoryOptions } from '@kandle/knative/memory';
import type { RunPlan, ServicePlan } from '@kandle/knative/plan';
import { prefixPlan } from '@kandle/knative/prefix';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { type Beside, type Gateway, startGateway } from './serving/gateway.ts';
import { createService, type Service } from './serving/service.ts';
import { KANDLE_POLL, type PollSizes, type Source, startSource } from './kafka-source/source.ts';
import { readLag } from './lag.ts';
import { type LongRunning, startLongRunning } from './long-running.ts';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { unlessAborted } from '@kandle/tooling/unless-aborted';
import { freePort } from '@kandle/servers/ports/ports';
import { bundledPrograms, type Program, sourcePrograms } from './programs.ts';
import { withSymbolsFile } from './symbols-file.ts';

/** The servers that a pipeline runs on. */
export interface ServerAddresses {
  readonly kafkaBrokers: readonly string[];
  readonly cassandra: {
    readonly contactPoints: readonly string[];
    readonly port: number;
    readonly localDataCenter: string;
  };
  /** Where they ask for logins: how each component of security/src/rights.ts, and `admin`, reaches them. */
  readonly logins?: {
    kafka(component: string): KafkaSettings;
    cassandra(component: string): CassandraSettings;
  };
}

/** A pipeline to start. */
export interface PipelineOptions {
  /** What the manifests ask for. */
  readonly plan: RunPlan;
  readonly servers: ServerAddresses;
  readonly keyspace: string;
  /** Put before topic and consumer group names, so that tests share a broker. */
  readonly prefix?: string;
  readonly logFolder: string;
  /**
   * Variables of the feed for ingest; null starts none. `SYMBOLS` reaches it as a file: there may be thousands.
   */
  readonly feed: Readonly<Record<string, string>> | null;
  /** Those of further feeds, each with a process of its own. */
  readonly moreFeeds?: readonly Readonly<Record<string, string>>[];
  readonly log: (line: string) => void;
  readonly hooks: ProcessHooks;
  /** How long a function's process without a request stays, milliseconds. */
  readonly idleMs?: number;
  readonly poll?: PollSizes;
  /** Pods of KafkaSource's dispatcher; one, as a cluster has as installed, unless told otherwise. */
  readonly dispatchers?: number;
  /** For tests: how many times each event is delivered. */
  readonly deliveries?: number;
  /**
   * Variables of a process, by its name, that win over all others: notify's targets; in tests a proxy, another
   * clock.
   */
  readonly processEnv?: (name: string) => Readonly<Record<string, string>>;
  /** Port of the exporter's `/metrics`; null, the default, starts none. */
  readonly metricsPort?: number | null;
  /** Port at which `query` answers, which no event source calls; null, the default, gives it none. */
  readonly queryPort?: number | null;
  /** Answers some requests at that address itself: the launcher's own pages. */
  readonly besideQuery?: Beside;
  /** Runs the sources instead of bundles, for debugging. */
  readonly fromSource?: boolean;
  /** Aborting while this starts ends what runs already; afterwards `stop` does. */
  readonly signal?: AbortSignal;
}

/** A running pipeline. */
export interface Pipeline {
  readonly client: Client;
  readonly services: ReadonlyMap<string, Service>;
  readonly sources: readonly Source[];
  readonly ingest: IngestProcess | null;
  /** All processes of ingest, by the names of their feeds. */
  readonly ingests: ReadonlyMap<string, IngestProcess>;
  /** What the processes of ingest say together; null until each of them answers. */
  ingestStatus(): Promise<IngestStatus | null>;
  /** Records that each source has not settled yet. */
  lags(): Promise<ReadonlyMap<string, number>>;
  /** What is under way, in words: events that wait, windows that are open. Null if nothing is. */
  findUnrest(): Promise<string | null>;
  /** True if nothing is under way: every lag is 0 and every window that was opened is final. */
  isAtRest(): Promise<boolean>;
  /** Stops ingest, then the sources, then the functions. */
  stop(): Promise<void>;
}

const DEFAULT_IDLE_MS = 30_000;

/**
 * Applies the schema, creates the topics, and starts services, sources and last ingest, as the plan says.
 *
 * @throws The reason of `signal` once it is aborted; nothing runs then.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { servers, keyspace, signal, prefix = '' } = options;
  const plan = prefixPlan(options.plan, prefix);
  const client = createCassandra(cassandraSettings(servers, keyspace), { useKeyspace: false });
  const kafka = new Kafka({
    clientId: 'kandle-local',
    brokers: [...servers.kafkaBrokers],
    logLevel: logLevel.NOTHING,
  });
  const kafkaAs = (component: string): Kafka =>
    servers.logins === undefined
      ? kafka
      : createKafka(servers.logins.kafka(component), 'kandle-local', createLogger('stand-in', 'silent'));
  const admin = kafkaAs('admin').admin();
  // For dead letters, at least once: KafkaJS's idempotent producer loses what follows a send without an answer.
  const producer = kafkaAs('dead-letters').producer();
  const services = new Map<string, Service>();
  const sources: Source[] = [];
  const metricsPort = options.metricsPort ?? null;
  const observers: LongRunning[] = [];
  let gateway: Gateway | null = null;
  let programs: ReadonlyMap<string, Program> = new Map();
  const ingests = new Map<string, IngestProcess>();

  async function stop(): Promise<void> {
    await Promise.all([
      ...[...ingests.values()].map((ingest) => ingest.stop()),
      ...observers.map((observer) => observer.stop()),
    ]);
    await Promise.all([gateway?.close(), ...sources.map((source) => source.stop())]);
    await Promise.all([...services.values()].map((service) => service.stop()));
    await Promise.all([disconnect(admin), disconnect(producer), client.shutdown()]);
  }

  async function specOf(
    { name, env, memoryMb }: Pick<ServicePlan, 'name' | 'env' | 'memoryMb'>,
    probePath: string,
    more: Readonly<Record<string, string>>,
  ): Promise<InstanceSpec> {
    const port = await freePort();
    const program = programs.get(name);
    if (program === undefined) throw new Error(`Cannot start ${name}: there is no program for it`);
    return {
      name,
      script: program.script,
      nodeOptions: nodeMemoryOptions(memoryMb),
      port,
      env: {
        ...program.env,
        ...env,
        ...more,
        ...serverEnv(servers, keyspace),
        ...loginEnv(servers, name),
        ...topicEnv(prefix),
        PORT: String(port),
        HTTP_PORT: String(port),
        ...options.processEnv?.(name),
      },
      readinessPath: probePath,
      logFile: join(options.logFolder, `${name}.log`),
    };
  }

  try {
    const observed = metricsPort === null ? [] : plan.observers;
    const names = [...plan.services, ...observed, ...(plan.ingest === null ? [] : [plan.ingest])].map(
      ({ name }) => name,
    );
    const prepare = async (): Promise<void> => {
      programs =
        options.fromSource === true ? sourcePrograms(names) : await bundledPrograms(names, options.log);
    };
    const prepared = Promise.all([
      prepare(),
      client.connect().then(() => migrate(client, join(REPO_ROOT, 'cql'), laptopSchemaValues(keyspace))),
      admin.connect().then(() => createTopics(admin, plan.topics)),
      producer.connect(),
    ]);
    await unlessAborted(prepared, signal);
    for (const service of plan.services) {
      services.set(
        service.name,
        createService(service, {
          spec: () =>
            specOf(service, service.readinessPath, { LOOPBACK_ONLY: 'true', HTTP_HOST: '127.0.0.1' }),
          hooks: options.hooks,
          idleMs: options.idleMs ?? DEFAULT_IDLE_MS,
          log: options.log,
        }),
      );
    }
    for (const source of plan.sources) {
      const sink = services.get(source.sink);
      if (sink === undefined)
        throw new Error(`Cannot start ${source.name}: there is no service ${source.sink}`);
      const starting = startSource(kafkaAs(`${source.sink}-source`), producer, source, {
        poll: options.poll ?? KANDLE_POLL,
        dispatchers: options.dispatchers,
        send: (headers, body, timeoutMs) => sink.request(headers, body, timeoutMs),
        log: options.log,
        deliveries: options.deliveries,
      });
      sources.push(await unlessAborted(starting, signal));
    }
    const asked = services.get('query');
    const queryPort = options.queryPort ?? null;
    if (asked !== undefined && queryPort !== null) {
      gateway = await startGateway(asked, queryPort, options.besideQuery);
    }
    for (const observer of observed) {
      // Its port stays when it is started again, so that a Prometheus finds it.
      const more = { HTTP_HOST: '127.0.0.1', ...observerEnv(prefix, plan) };
      const spec = async (): Promise<InstanceSpec> => {
        const made = await specOf(observer, observer.livenessPath, more);
        const port = metricsPort ?? made.port;
        return { ...made, port, env: { ...made.env, HTTP_PORT: String(port) } };
      };
      observers.push(await startLongRunning(spec, options.hooks));
    }
    if (plan.ingest !== null && options.feed !== null) {
      const planned = plan.ingest;
      // Alive is enough: a short recording may have ended before ingest could once be seen ready.
      // The feed of this run comes before what the manifest names; and the status page is for this machine
      // only.
      for (const [index, feed] of [options.feed, ...(options.moreFeeds ?? [])].entries()) {
        const name = index === 0 ? planned.name : `${planned.name}-${feed['FEED'] ?? index}`;
        const more = {
          ...withSymbolsFile(feed, join(options.logFolder, `${name}-symbols.txt`)),
          HTTP_HOST: '127.0.0.1',
        };
        const spec = async (): Promise<InstanceSpec> => ({
          ...(await specOf(planned, planned.livenessPath, more)),
          name,
          logFile: join(options.logFolder, `${name}.log`),
        });
        ingests.set(feed['FEED'] ?? name, await createIngestProcess(spec, options.hooks));
      }
      await unlessAborted(Promise.all([...ingests.values()].map((ingest) => ingest.alive)), signal);
    }
  } catch (error) {
    await stop();
    throw error;
  }

  const lags = async (): Promise<ReadonlyMap<string, number>> => {
    const entries: [string, number][] = [];
    // In the order of the flow: what is upstream and done sends nothing more.
    for (const { plan: one, position } of sources)
      entries.push([one.name, await readLag(admin, one, position)]);
    return new Map(entries);
  };
  async function findUnrest(): Promise<string | null> {
    const behind = [...(await lags())].filter(([, lag]) => lag > 0);
    if (behind.length > 0) return behind.map(([name, lag]) => `${name} is ${lag} events behind`).join(', ');
    const { rows } = await client.execute(`SELECT shard, open FROM ${keyspace}.shards`, [], {
      prepare: true,
    });
    const open = rows.filter((row) => (row['open'] ?? '') !== '').map((row) => String(row['shard']));
    return open.length === 0 ? null : `windows are open in ${open.join(', ')}`;
  }

  return {
    client,
    services,
    sources,
    ingest: ingests.values().next().value ?? null,
    ingests,
    ingestStatus: async () =>
      together(await Promise.all([...ingests.values()].map((ingest) => ingest.status()))),
    lags,
    findUnrest,
    isAtRest: async () => (await findUnrest()) === null,
    stop,
  };
}

function cassandraSettings({ cassandra, logins }: ServerAddresses, keyspace: string): CassandraSettings {
  if (logins !== undefined) return logins.cassandra('admin');
  return {
    CASSANDRA_CONTACT_POINTS: [...cassandra.contactPoints],
    CASSANDRA_PORT: cassandra.port,
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
    CASSANDRA_TLS: false,
  };
}

/** What differs from a cluster: the addresses of the servers. */
function serverEnv({ kafkaBrokers, cassandra }: ServerAddresses, keyspace: string): Record<string, string> {
  return {
    KAFKA_BROKERS: kafkaBrokers.join(','),
    CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(cassandra.port),
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
  };
}

/** The login of a process as its environment says it. */
function loginEnv({ logins }: ServerAddresses, name: string): Record<string, string> {
  if (logins === undefined) return {};
  const settings = { ...logins.kafka(name), ...logins.cassandra(name) };
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)]));
}

function topicEnv(prefix: string): Record<string, string> {
  if (prefix === '') return {};
  return {
    RAW_TOPIC: prefix + TOPICS.raw,
    TRADES_TOPIC: prefix + TOPICS.trades,
    CANDLES_TOPIC: prefix + TOPICS.candles,
    REJECTS_TOPIC: prefix + TOPICS.rejects,
    SIGNALS_TOPIC: prefix + TOPICS.signals,
  };
}

/** What the exporter looks at, when topics and groups have a prefix. */
function observerEnv(prefix: string, { sources }: RunPlan): Record<string, string> {
  if (prefix === '') return {};
  return {
    GROUP_PREFIX: `${prefix}kandle-`,
    SOURCES: sources.map(({ consumerGroup, topic }) => `${consumerGroup}=${topic}`).join(','),
    DEAD_TOPIC: prefix + TOPICS.dead,
  };
}

async function disconnect(connection: Admin | Producer): Promise<void> {
  await connection.disconnect().catch(() => undefined);
}
