import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessHooks } from '@kandle/stand-in/serving/instance';
import { JARS_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import type { ServerAddresses } from '@kandle/stand-in/pipeline';
import { claimFolder } from '@kandle/servers/process/run-record';
import { startServers } from '@kandle/servers/servers';

/** Servers for a benchmark. */
export interface BenchServers extends ServerAddresses {
  readonly pids: { readonly kafka: number; readonly cassandra: number };
  close(): Promise<void>;
}

/** Servers that a benchmark has to itself. */
export interface OwnServers extends BenchServers {
  /** For the logs of what runs on them; empty at first. */
  readonly logFolder: string;
  /** For the pipeline's processes: what is left of them by a kill of the benchmark ends at its next start. */
  readonly hooks: ProcessHooks;
}

/** A real Kafka and Cassandra: those that `npm run servers` keeps in `KANDLE_TEST_SERVERS`, or else its own. */
export async function benchServers(
  name: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchServers> {
  const kept = process.env['KANDLE_TEST_SERVERS'];
  if (kept === undefined) return ownServers(name, say, signal);
  const { kafka, cassandra } = JSON.parse(readFileSync(join(kept, 'servers.json'), 'utf8')) as {
    kafka: { brokers: string[]; pid: number };
    cassandra: { contactPoints: string[]; port: number; localDataCenter: string; pid: number };
  };
  const pids = { kafka: kafka.pid, cassandra: cassandra.pid };
  return { kafkaBrokers: kafka.brokers, cassandra, pids, close: () => Promise.resolve() };
}

/**
 * A new Kafka and Cassandra on spare ports, with empty data in `.kandle/<name>`. They take their heaps whole at
 * the start, so that their memory says something.
 */
export async function ownServers(
  name: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<OwnServers> {
  const dataDir = join(REPO_ROOT, '.kandle', name);
  const claim = await claimFolder(dataDir, say);
  const logFolder = join(dataDir, 'logs');
  for (const folder of ['kafka', 'cassandra', 'logs'])
    rmSync(join(dataDir, folder), { recursive: true, force: true });
  mkdirSync(logFolder, { recursive: true });
  try {
    const servers = await startServers({
      dataDir,
      claim,
      jarsDir: JARS_FOLDER,
      randomPorts: true,
      wholeHeap: true,
      onProgress: say,
      signal,
    });
    return {
      kafkaBrokers: servers.kafka.brokers,
      cassandra: servers.cassandra,
      pids: { kafka: servers.kafka.pid, cassandra: servers.cassandra.pid },
      logFolder,
      hooks: {
        onSpawn: (role, pid) => claim.recordChild(role, pid),
        onExit: (_role, pid) => claim.forgetChild(pid),
      },
      async close() {
        await servers.kill();
        claim.release();
      },
    };
  } catch (error) {
    claim.release();
    throw error;
  }
}
