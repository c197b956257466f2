import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createAvroReader } from '@kandle/audit/avro-data';
import { exportViews } from '@kandle/local/export';
import { readPlan, type Sink } from '@kandle/knative/read-plan';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { freePort } from '@kandle/servers/ports/ports';
import { envOfSource } from '@kandle/feeds/replay/env-of-source';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { readEnv } from '@kandle/runtime/config';
import { formatSymbols } from '@kandle/market/event/symbol';
import { TOPICS } from '@kandle/market/event/topics';
import { expect, inject } from 'vitest';
import { expectCleanAudit } from './clean-audit.ts';
import { readRejects } from './read-rejects.ts';

/** What a replay through the whole pipeline ended with. */
export interface ReplayResult {
  /** Text of `candles_5s.csv` and `trades.csv` as exported from Cassandra. */
  readonly candles: string;
  readonly trades: string;
  readonly deadLetters: number;
  /** Reasons of the refused records, sorted. */
  readonly rejects: readonly string[];
  /** What each process logged, by its name. */
  readonly logs: Readonly<Record<string, string>>;
}

/** How a replay is disturbed. */
export interface Disturbance {
  /** How many times each event is delivered. */
  readonly deliveries?: number;
  /** The recording is of a feed that samples. */
  readonly isSampled?: boolean;
  /** Of the functions. */
  readonly logLevel?: string;
  /** Where questions are answered, and the console is; nowhere unless told. */
  readonly queryPort?: number;
  /** Optional functions that run too. */
  readonly sinks?: readonly Sink[];
  /** Further variables of a process, by what its topics begin with. */
  readonly processEnv?: (name: string, prefix: string) => Readonly<Record<string, string>>;
  /** Runs beside the replay, from its start. */
  readonly during?: (pipeline: Pipeline) => Promise<void>;
  /** Runs when everything is at rest, before the keyspace is dropped. */
  readonly after?: (pipeline: Pipeline, keyspace: string) => Promise<void>;
}

const DEADLINE_MS = 240_000;
let runs = 0;

/**
 * Plays a recording at full speed through real ingest, transform, aggregate and persist processes on the test
 * run's Kafka and Cassandra, in topics and a keyspace of its own, until every window is final and every lag is
 * 0. Fails unless an audit is clean at the end.
 */
export async function runReplay(
  file: string,
  {
    deliveries = 1,
    logLevel = 'info',
    isSampled = false,
    queryPort,
    sinks = [],
    processEnv = () => ({}),
    during,
    after,
  }: Disturbance = {},
): Promise<ReplayResult> {
  runs += 1;
  const name = `e2e${Date.now()}_${runs}`;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-e2e-'));
  mkdirSync(join(folder, 'logs'));
  const plan = await readPlan(sinks);
  const services = plan.services.map((service) => ({
    ...service,
    env: { ...service.env, LOG_LEVEL: logLevel },
  }));
  const feed = await startReplayServer({ file, port: await freePort(), speed: 'max' });
  try {
    const pipeline = await startPipeline({
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace: name,
      prefix: `${name}.`,
      logFolder: join(folder, 'logs'),
      plan: { ...plan, services },
      deliveries,
      processEnv: (process) => processEnv(process, `${name}.`),
      queryPort: queryPort ?? null,
      feed: {
        ...envOfSource(feed.source),
        FEED_URL: feed.url,
        SYMBOLS: formatSymbols(feed.symbols),
        REPLAY_SPEED: 'max',
      },
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    try {
      const disturbance = during?.(pipeline);
      await untilAtRest(pipeline, join(folder, 'logs'));
      await disturbance;
      const audit = await expectCleanAudit(name, {
        avro: createAvroReader(readEnv(AvroEnv, processEnv('audit', `${name}.`))),
      });
      // An update of a price without a volume has no row among the trades; and looks are no trades.
      expect(audit.subjects.get('trades')?.checked).toBe(
        isSampled ? 0 : audit.read.trades - audit.read.priceUpdates,
      );
      await exportViews(pipeline.client, name, folder);
      await after?.(pipeline, name);
    } finally {
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${name}`).catch(() => undefined);
      await pipeline.stop();
    }
    const rejects = await readRejects(inject('kafkaBrokers'), `${name}.${TOPICS.rejects}`);
    return {
      rejects: rejects.map(({ reason }) => reason).toSorted(),
      candles: readFileSync(join(folder, 'candles_5s.csv'), 'utf8'),
      trades: readFileSync(join(folder, 'trades.csv'), 'utf8'),
      logs: readLogs(join(folder, 'logs')),
      deadLetters: pipeline.sources.reduce((sum, { stats }) => sum + stats.deadLettered + stats.dropped, 0),
    };
  } finally {
    await feed.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function readLogs(folder: string): Record<string, string> {
  const files = readdirSync(folder).map((name) => [
    name.replace(/\.log$/, ''),
    readFileSync(join(folder, name), 'utf8'),
  ]);
  return Object.fromEntries(files);
}

export async function untilAtRest(pipeline: Pipeline, logFolder: string): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while ((await pipeline.ingestStatus())?.drained !== true || !(await pipeline.isAtRest())) {
    if (Date.now() > deadline) {
      const logs = readdirSync(logFolder)
        .map((name) => `${name}: ${readFileSync(join(logFolder, name), 'utf8').slice(-2_000)}`)
        .join('\n');
      throw new Error(`The replay did not come to an end.\n${logs}`);
    }
    await sleep(200);
  }
}
