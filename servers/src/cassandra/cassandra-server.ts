import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cassandraJvmOptions } from './cassandra-jvm.ts';
import { heapOptions, javaCommand } from '../jars/java.ts';
import { isCassandraReady } from './cassandra-ready.ts';
import { type CassandraSettings, renderCassandraYaml } from './cassandra-yaml.ts';
import { type ServerChild, startChild } from '../process/child.ts';
import type { ServerPorts } from '../ports/ports.ts';
import type { ServerOptions } from '../server-options.ts';
import { StartError } from '@kandle/tooling/start-error';
import { widenTimerSlack } from './timer-slack.ts';

/** Ready in 5 to 40 s; a commit log of 1 GB to replay on a busy machine takes longer. */
const readyDeadlineMs = 300_000;

const logback = join(import.meta.dirname, '..', '..', 'cassandra', 'logback.xml');

/** What a node needs to start. */
export interface CassandraOptions extends ServerOptions {
  readonly ports: Pick<ServerPorts, 'cassandra' | 'cassandraStorage' | 'cassandraJmx'>;
  /** Settings that replace or add to ours, for fault tests. */
  readonly yaml?: CassandraSettings | undefined;
  /** Where `yaml` asks for a login or TLS: whether it answers a client that has them. Must not throw. */
  readonly isReady?: (() => Promise<boolean>) | undefined;
  /** It is never started again: then its schema changes faster, and a killed node forgets those changes. */
  readonly isThrownAway?: boolean | undefined;
}

/**
 * Starts a real Cassandra node, without authentication unless told otherwise, and waits until it answers CQL.
 *
 * A data folder that was used before is found again, also with other ports. Acknowledged writes survive kill
 * -9.
 *
 * @throws {StartError} If it ends while starting or is not ready in 300 s.
 * @throws The reason of `signal` once it is aborted; nothing runs then.
 */
export async function startCassandra(options: CassandraOptions): Promise<ServerChild> {
  const { libDir, dataDir, ports, heapMb = 1024, signal } = options;
  const settings = join(dataDir, 'cassandra.yaml');
  mkdirSync(dataDir, { recursive: true });
  const place = { port: ports.cassandra, storagePort: ports.cassandraStorage, dataDir };
  writeFileSync(settings, renderCassandraYaml(place, options.yaml));
  const jamm = readdirSync(libDir).find((name) => name.startsWith('jamm-'));
  if (jamm === undefined)
    throw new StartError(`Cannot start Cassandra: no jamm jar in ${libDir}; delete that folder.`);
  const child = await startChild({
    role: 'cassandra',
    command: javaCommand(process.env),
    args: [
      `-javaagent:${join(libDir, jamm)}`,
      // Usually not the whole heap: as root Cassandra locks what is there into memory (0.67 instead of 1.45 GB
      // resident).
      ...heapOptions(heapMb, options.wholeHeap),
      ...cassandraJvmOptions(ports.cassandraJmx, options.isThrownAway),
      `-Dcassandra.config=${pathToFileURL(settings).href}`,
      `-Dcassandra.storagedir=${dataDir}`,
      `-Dlogback.configurationFile=${logback}`,
      '-cp',
      join(libDir, '*'),
      'org.apache.cassandra.service.CassandraDaemon',
    ],
    cwd: dataDir,
    logFile: join(dataDir, 'server.log'),
    isReady: options.isReady ?? (() => isCassandraReady(ports.cassandra)),
    readyDeadlineMs,
    onProgress: options.onProgress,
    signal,
    claim: options.claim,
  });
  widenTimerSlack(child.pid);
  return child;
}
