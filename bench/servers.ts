import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { JARS_FOLDER, REPO_ROOT } from '../local/src/paths.ts';
import type { ServerAddresses } from '../local/src/pipeline.ts';
import { claimFolder } from '../local/src/run-record.ts';
import { startServers } from '../local/src/servers.ts';

/** Servers for a benchmark. */
export interface BenchServers extends ServerAddresses {
  readonly pids: { readonly kafka: number; readonly cassandra: number };
  close(): Promise<void>;
}

/**
 * A real Kafka and Cassandra: those that `npm run servers` keeps in the folder `KANDLE_TEST_SERVERS`, or else new ones on
 * spare ports, with empty data in `.kandle/<name>`.
 */
export async function benchServers(name: string): Promise<BenchServers> {
  const kept = process.env['KANDLE_TEST_SERVERS'];
  if (kept !== undefined) {
    const { kafka, cassandra } = JSON.parse(readFileSync(join(kept, 'servers.json'), 'utf8')) as {
      kafka: { brokers: string[]; pid: number };
      cassandra: { contactPoints: string[]; port: number; localDataCenter: string; pid: number };
    };
    const pids = { kafka: kafka.pid, cassandra: cassandra.pid };
    return { kafkaBrokers: kafka.brokers, cassandra, pids, close: () => Promise.resolve() };
  }
  const dataDir = join(REPO_ROOT, '.kandle', name);
  const claim = await claimFolder(dataDir, (line) => console.error(line));
  for (const folder of ['kafka', 'cassandra'])
    rmSync(join(dataDir, folder), { recursive: true, force: true });
  try {
    const servers = await startServers({
      dataDir,
      claim,
      jarsDir: JARS_FOLDER,
      randomPorts: true,
      onProgress: (line) => console.error(line),
      signal: new AbortController().signal,
    });
    return {
      kafkaBrokers: servers.kafka.brokers,
      cassandra: servers.cassandra,
      pids: { kafka: servers.kafka.pid, cassandra: servers.cassandra.pid },
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
