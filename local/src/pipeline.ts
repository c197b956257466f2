import { join } from 'node:path';
import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import type { KafkaSettings } from '@kandle/runtime/kafka';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import type { Client } from 'cassandra-driver';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { type Dispatcher, type DispatcherOptions, startDispatcher } from './dispatcher.ts';
import { type FunctionProcess, startFunction, type SupervisorHooks } from './function-process.ts';
import { lagOf } from './lag.ts';
import { REPO_ROOT } from './paths.ts';
import { freePort } from './ports.ts';
import { pipelineSources } from './sources.ts';
import { createTopics, topicNames, type Topics } from './topics.ts';

/** The servers that a pipeline runs on. */
export interface ServerAddresses {
  readonly kafkaBrokers: readonly string[];
  readonly cassandra: {
    readonly contactPoints: readonly string[];
    readonly port: number;
    readonly localDataCenter: string;
  };
}

/** A pipeline to start. */
export interface PipelineOptions {
  readonly servers: ServerAddresses;
  readonly keyspace: string;
  /** Put before topic and consumer group names, so that tests share a broker. */
  readonly prefix?: string;
  readonly logFolder: string;
  /** Variables of ingest; null starts none. */
  readonly ingest: Readonly<Record<string, string>> | null;
  readonly log: (line: string) => void;
  readonly hooks: SupervisorHooks;
  /** For tests: see {@link DispatcherOptions}. */
  readonly faults?: Pick<DispatcherOptions, 'deliveries' | 'onEvent'>;
}

/** What ingest says of itself at `/status`, as far as the launcher needs it. */
export interface IngestStatus {
  readonly connected: boolean;
  readonly records: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly ended: boolean;
  /** The feed has ended and everything was acknowledged. */
  readonly drained: boolean;
}

/** A running pipeline. */
export interface Pipeline {
  readonly topics: Topics;
  readonly client: Client;
  readonly dispatchers: readonly Dispatcher[];
  /** By name: transform, aggregate, persist, and ingest if there is one. */
  readonly processes: ReadonlyMap<string, FunctionProcess>;
  ingestStatus(): Promise<IngestStatus | null>;
  /** True if nothing is under way: every lag is 0 and every window that was opened is final. */
  isSettled(): Promise<boolean>;
  /** Stops ingest, then the dispatchers, then the functions. */
  stop(): Promise<void>;
}

const FUNCTIONS = ['transform', 'aggregate', 'persist'] as const;

/** Applies the schema, creates the topics, starts the functions, the dispatchers and last ingest. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { servers, keyspace, prefix = '' } = options;
  const topics = topicNames(prefix);
  const client = createCassandra(cassandraSettings(servers, keyspace), { useKeyspace: false });
  const kafka = new Kafka({
    clientId: 'kandle-local',
    brokers: [...servers.kafkaBrokers],
    logLevel: logLevel.NOTHING,
  });
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const processes = new Map<string, FunctionProcess>();
  const dispatchers: Dispatcher[] = [];

  async function stop(): Promise<void> {
    await processes.get('ingest')?.stop();
    await Promise.all(dispatchers.map((dispatcher) => dispatcher.stop()));
    await Promise.all([...processes.values()].map((running) => running.stop()));
    await Promise.all([disconnect(admin), disconnect(producer), client.shutdown()]);
  }

  async function start(name: string, env: Readonly<Record<string, string>>): Promise<void> {
    const port = await freePort();
    const spec = {
      name,
      script: join(REPO_ROOT, 'functions', name, 'src', 'index.ts'),
      port,
      env: {
        ...serverEnv(servers, keyspace),
        ...topicEnv(topics),
        ...env,
        PORT: String(port),
        HTTP_PORT: String(port),
      },
      logFile: join(options.logFolder, `${name}.log`),
    };
    processes.set(name, await startFunction(spec, options.hooks));
  }

  try {
    await Promise.all([
      client.connect().then(() => migrate(client, join(REPO_ROOT, 'cql'), laptopSchemaValues(keyspace))),
      admin.connect().then(() => createTopics(admin, topics)),
      producer.connect(),
    ]);
    await Promise.all(FUNCTIONS.map((name) => start(name, { LOOPBACK_ONLY: 'true' })));
    for (const source of pipelineSources(topics, prefix)) {
      const sinkUrl = processes.get(source.sink)?.url;
      if (sinkUrl === undefined)
        throw new Error(`Cannot start ${source.name}: there is no function ${source.sink}`);
      dispatchers.push(
        await startDispatcher(kafka, producer, source, { sinkUrl, log: options.log, ...options.faults }),
      );
    }
    if (options.ingest !== null) await start('ingest', options.ingest);
  } catch (error) {
    await stop();
    throw error;
  }

  return {
    topics,
    client,
    dispatchers,
    processes,
    ingestStatus: () => readStatus(processes.get('ingest')),
    // In the order of the flow: what is upstream and done sends nothing more.
    async isSettled() {
      for (const dispatcher of dispatchers) if ((await lagOf(admin, dispatcher)) > 0n) return false;
      const open = await client.execute(`SELECT open FROM ${keyspace}.shards`, [], { prepare: true });
      return open.rows.every((row) => (row['open'] ?? '') === '');
    },
    stop,
  };
}

function cassandraSettings({ cassandra }: ServerAddresses, keyspace: string): CassandraSettings {
  return {
    CASSANDRA_CONTACT_POINTS: [...cassandra.contactPoints],
    CASSANDRA_PORT: cassandra.port,
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
    CASSANDRA_TLS: false,
  };
}

type EnvOf<Settings> = { readonly [Name in keyof Settings]?: string };

function serverEnv(
  { kafkaBrokers, cassandra }: ServerAddresses,
  keyspace: string,
): EnvOf<KafkaSettings> & EnvOf<CassandraSettings> {
  return {
    KAFKA_BROKERS: kafkaBrokers.join(','),
    CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(cassandra.port),
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
  };
}

function topicEnv(topics: Topics): Record<string, string> {
  return {
    RAW_TOPIC: topics.raw,
    TRADES_TOPIC: topics.trades,
    CANDLES_TOPIC: topics.candles,
    REJECTS_TOPIC: topics.rejects,
  };
}

async function readStatus(ingest: FunctionProcess | undefined): Promise<IngestStatus | null> {
  if (ingest === undefined) return null;
  try {
    const response = await fetch(new URL('/status', ingest.url), { signal: AbortSignal.timeout(2_000) });
    return (await response.json()) as IngestStatus;
  } catch {
    return null;
  }
}

async function disconnect(client: Admin | Producer): Promise<void> {
  await client.disconnect().catch(() => undefined);
}
