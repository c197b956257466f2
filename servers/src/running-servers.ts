import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { localDataCenter } from './cassandra/cassandra-ready.ts';
import { DATA_FOLDER } from '@kandle/tooling/paths';
import { readLiveOwner } from './process/run-record.ts';

/** Where the servers of a running stack are. */
export interface RunningServers {
  /** The process that runs them, such as `npm start`. */
  readonly pid: number;
  readonly kafkaBrokers: readonly string[];
  readonly cassandra: {
    readonly contactPoints: readonly string[];
    readonly port: number;
    readonly localDataCenter: string;
  };
}

/**
 * The servers of the stack that runs in a data folder, from the settings that they were started with; null if
 * none runs there.
 */
export function findRunningServers(dataDir = DATA_FOLDER): RunningServers | null {
  const pid = readLiveOwner(dataDir);
  if (pid === undefined) return null;
  const kafka = portIn(join(dataDir, 'kafka', 'server.properties'), /^advertised\.listeners=.*?:(\d+)$/m);
  const cassandra = portIn(join(dataDir, 'cassandra', 'cassandra.yaml'), /^native_transport_port: (\d+)$/m);
  if (kafka === null || cassandra === null) return null;
  return {
    pid,
    kafkaBrokers: [`127.0.0.1:${kafka}`],
    cassandra: { contactPoints: ['127.0.0.1'], port: cassandra, localDataCenter },
  };
}

function portIn(file: string, setting: RegExp): number | null {
  try {
    const port = setting.exec(readFileSync(file, 'utf8'))?.[1];
    return port === undefined ? null : Number(port);
  } catch {
    // The stack is starting and has not written its settings yet.
    return null;
  }
}
