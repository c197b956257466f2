import { join } from 'node:path';
import { localDataCenter } from './cassandra/cassandra-ready.ts';
import { startCassandra } from './cassandra/cassandra-server.ts';
import type { CassandraSettings } from './cassandra/cassandra-yaml.ts';
import { fetchJars } from './jars/jars.ts';
import type { KafkaProperties } from './kafka/kafka-properties.ts';
import { startKafka } from './kafka/kafka-server.ts';
import type { OnProgress } from './on-progress.ts';
import { choosePorts, type GivenPorts } from './ports/ports.ts';
import type { FolderClaim } from './process/run-record.ts';
import { type SupervisedServer, superviseServer } from './process/supervise.ts';

/** What both servers are started with. */
export interface StartServers {
  /** Data of this stack, claimed by the caller: `kafka/` and `cassandra/` in it. */
  readonly dataDir: string;
  readonly claim: FolderClaim;
  /** Cache of the jars, fetched if need be. */
  readonly jarsDir: string;
  readonly ports?: GivenPorts | undefined;
  /** True takes spare ports even where the usual ones are free, for tests. */
  readonly randomPorts?: boolean | undefined;
  readonly onProgress: OnProgress;
  /** Aborting while this runs stops everything; afterwards `stop` does. */
  readonly signal: AbortSignal;
  readonly properties?: KafkaProperties | undefined;
  readonly yaml?: CassandraSettings | undefined;
  readonly wholeHeap?: boolean | undefined;
  /** Cassandra's: nobody kills it and wants its schema back. */
  readonly isThrownAway?: boolean | undefined;
}

/** Both servers, ready. Each is started again, on the same port, if it ends unasked. */
export interface Servers {
  readonly kafka: SupervisedServer & { readonly brokers: readonly string[] };
  readonly cassandra: SupervisedServer & {
    readonly contactPoints: readonly string[];
    readonly port: number;
    readonly localDataCenter: string;
  };
  /** Ends both, the data kept. Idempotent. */
  stop(): Promise<void>;
  /** Ends both at once as a crash would. */
  kill(): Promise<void>;
}

/**
 * Fetches the jars if need be and starts Kafka and Cassandra side by side.
 *
 * @throws {StartError} If one cannot start; the other is stopped then, and both are gone.
 * @throws The reason of `signal` once it is aborted; nothing runs then.
 */
export async function startServers(options: StartServers): Promise<Servers> {
  const { dataDir, onProgress } = options;
  const ports = await choosePorts(options.ports, { random: options.randomPorts ?? false });
  const jars = await fetchJars({ cacheDir: options.jarsDir, onProgress, signal: options.signal });
  onProgress('Starting Kafka and Cassandra …');
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const { claim, properties, yaml, wholeHeap, isThrownAway } = options;
  const starts = [
    superviseServer(
      (signal) =>
        startKafka({
          libDir: jars.kafka,
          dataDir: join(dataDir, 'kafka'),
          ports,
          onProgress,
          signal,
          claim,
          properties,
          wholeHeap,
        }),
      { role: 'kafka', onProgress, signal },
    ),
    superviseServer(
      (signal) =>
        startCassandra({
          libDir: jars.cassandra,
          dataDir: join(dataDir, 'cassandra'),
          ports,
          onProgress,
          signal,
          claim,
          yaml,
          wholeHeap,
          isThrownAway,
        }),
      { role: 'cassandra', onProgress, signal },
    ),
  ] as const;
  const [kafka, cassandra] = await bothOrNeither(starts, failed);
  return {
    kafka: extend(kafka, { brokers: [`127.0.0.1:${ports.kafka}`] }),
    cassandra: extend(cassandra, { contactPoints: ['127.0.0.1'], port: ports.cassandra, localDataCenter }),
    async stop() {
      await Promise.all([kafka.stop(), cassandra.stop()]);
    },
    async kill() {
      await Promise.all([kafka.kill(), cassandra.kill()]);
    },
  };
}

type Starts = readonly [Promise<SupervisedServer>, Promise<SupervisedServer>];

async function bothOrNeither(
  starts: Starts,
  failed: AbortController,
): Promise<[SupervisedServer, SupervisedServer]> {
  try {
    return await Promise.all(starts);
  } catch (error) {
    failed.abort(error);
    const settled = await Promise.allSettled(starts);
    const started = settled.filter((result) => result.status === 'fulfilled');
    await Promise.all(started.map(({ value }) => value.stop()));
    throw error;
  }
}

/** The server with facts added. Not a spread: that would freeze the pid, which changes after a crash. */
function extend<Facts extends object>(server: SupervisedServer, facts: Facts): SupervisedServer & Facts {
  return Object.assign(Object.create(server) as SupervisedServer, facts);
}
