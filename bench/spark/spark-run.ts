import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { TOPICS } from '@kandle/market/event/topics';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { readEnv } from '@kandle/runtime/config';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import { countTrades } from '../count-stored.ts';
import { type DrainRig, placesOf } from '../drain-run.ts';
import { createUsage } from '../process-usage.ts';
import type { Spark } from './install.ts';

/** What a run of the Spark job has come to; CPU-seconds from the moment it is told to begin. */
export interface SparkRun {
  readonly ms: number;
  readonly cpu: { readonly spark: number; readonly cassandra: number; readonly kafka: number };
  /** CPU-seconds until its session was there. */
  readonly startCpu: number;
  readonly largestMb: number;
  readonly stored: { readonly trades: number; readonly inCandles: number };
}

const START_MS = 120_000;
const RUN_MS = 20 * 60_000;
const LOOK_MS = 500;

const TABLES = [
  'trades (symbol text, hour timestamp, time timestamp, id text, price double, size double, PRIMARY KEY ((symbol, hour), time, id))',
  'candles (symbol text, day date, start timestamp, open double, high double, low double, close double, volume double, trade_count bigint, PRIMARY KEY ((symbol, day), start))',
];

/** Lets a new Spark work off what waits in a drain's raw topic, into a keyspace of its own. */
export async function sparkOnce(rig: DrainRig, spark: Spark, name: string): Promise<SparkRun> {
  const { servers, signal } = rig;
  const keyspace = `spark_${name}`;
  const [host = ''] = servers.cassandra.contactPoints;
  const client = createCassandra(
    readEnv(CassandraEnv, {
      CASSANDRA_CONTACT_POINTS: host,
      CASSANDRA_PORT: String(servers.cassandra.port),
      CASSANDRA_LOCAL_DATACENTER: servers.cassandra.localDataCenter,
    }),
    { useKeyspace: false },
  );
  const folder = join(KANDLE_FOLDER, 'spark', 'run');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let job: Job | null = null;
  try {
    const replication = `{'class': 'SimpleStrategy', 'replication_factor': 1}`;
    await client.execute(`CREATE KEYSPACE ${keyspace} WITH replication = ${replication}`, [], {
      prepare: false,
    });
    for (const table of TABLES)
      await client.execute(`CREATE TABLE ${keyspace}.${table}`, [], { prepare: false });
    const topic = placesOf(name).prefix + TOPICS.raw;
    const place = [servers.kafkaBrokers.join(','), topic, host, String(servers.cassandra.port), keyspace];
    job = startJob(spark, [...place, spark.jars, folder], join(servers.logFolder, 'spark.log'));
    const { pid, said } = job;
    servers.hooks.onSpawn('spark', pid);
    await said('READY', AbortSignal.any([signal, AbortSignal.timeout(START_MS)]));

    const usage = createUsage();
    const { kafka, cassandra } = servers.pids;
    const sample = () =>
      usage.sample(
        new Map([
          ['spark', treeOf(pid)],
          ['kafka', [kafka]],
          ['cassandra', [cassandra]],
        ]),
      );
    const first = sample();
    let largestMb = 0;
    const looking = setInterval(() => {
      largestMb = Math.max(largestMb, sample().get('spark')?.totalMb ?? 0);
    }, LOOK_MS);
    const startedMs = performance.now();
    try {
      job.begin();
      await said('DONE', AbortSignal.any([signal, AbortSignal.timeout(RUN_MS)]));
    } finally {
      clearInterval(looking);
    }
    const ms = performance.now() - startedMs;
    const last = sample();
    const cpu = (role: string): number =>
      (last.get(role)?.cpuSeconds ?? 0) - (first.get(role)?.cpuSeconds ?? 0);
    let inCandles = 0;
    const query = `SELECT trade_count FROM ${keyspace}.candles`;
    for await (const row of await client.execute(query, [], { prepare: true, fetchSize: 5_000 }))
      inCandles += Number(row['trade_count']);
    return {
      ms,
      cpu: { spark: cpu('spark'), cassandra: cpu('cassandra'), kafka: cpu('kafka') },
      startCpu: first.get('spark')?.cpuSeconds ?? 0,
      largestMb,
      stored: { trades: await countTrades(client, keyspace), inCandles },
    };
  } finally {
    if (job !== null) {
      await job.end();
      servers.hooks.onExit('spark', job.pid, true);
    }
    await client.shutdown();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Job {
  readonly pid: number;
  /** Resolves when it has said a line. @throws {Error} If it ends before, or the signal comes. */
  said(line: string, signal: AbortSignal): Promise<void>;
  begin(): void;
  end(): Promise<void>;
}

function startJob({ python }: Spark, args: readonly string[], logFile: string): Job {
  const log = openSync(logFile, 'a');
  // A process group of its own: the JVM is a child of the Python process, and ends with it.
  const child: ChildProcess = spawn(python, [join(import.meta.dirname, 'job.py'), ...args], {
    stdio: ['pipe', 'pipe', log],
    detached: true,
  });
  closeSync(log);
  const { pid, stdin, stdout } = child;
  if (pid === undefined || stdin === null || stdout === null) throw new Error('Cannot start Spark');
  const kill = (): void => {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It is gone.
    }
  };
  process.once('exit', kill);
  const lines = new Set<string>();
  const reader = createInterface({ input: stdout });
  reader.on('line', (line) => lines.add(line));
  const exited = once(child, 'exit');
  return {
    pid,
    async said(line, signal) {
      while (!lines.has(line)) {
        const next = await Promise.race([
          once(reader, 'line', { signal }).then(() => null),
          exited.then(([code]) => Number(code)),
        ]);
        if (next !== null) throw new Error(`Spark ended with ${next} before it said ${line}; see ${logFile}`);
      }
    },
    begin: () => void stdin.write('begin\n'),
    async end() {
      stdin.end();
      const late = setTimeout(kill, 10_000);
      await exited;
      clearTimeout(late);
      kill();
      process.removeListener('exit', kill);
    },
  };
}

/** A process and all that come of it; Linux only. */
function treeOf(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has just ended.
    }
  }
  const tree = [root];
  for (const parent of tree) for (const [pid, of] of parents) if (of === parent) tree.push(pid);
  return tree;
}
