import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { helpText, UsageError } from '@kandle/tooling/command';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { type AvroEvents, createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { loadDotEnv, readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { parseStartOptions, START, type StartOptions } from './cli-options.ts';
import { exportViews } from './export.ts';
import { chooseFeed, type Feed } from './feed.ts';
import type { RunPlan } from '@kandle/knative/plan';
import { readPlan } from '@kandle/knative/read-plan';
import { KANDLE_POLL, KNATIVE_POLL } from '@kandle/stand-in/kafka-source/source';
import { DATA_FOLDER, JARS_FOLDER, REPLAY_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { chooseServedPort } from '@kandle/servers/ports/ports';
import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { checkMachine, StartError } from '@kandle/servers/preflight';
import { notifyTargets } from './notify-targets.ts';
import { LOSS_EXIT_CODE, lossesOf } from './losses.ts';
import { createLocalAnswers } from './console/local-answers.ts';
import { createLocalPages } from './console/local-pages.ts';
import { createProgress, type Progress, WATCHED_TOPICS } from './progress.ts';
import { sinkEnv } from './sinks.ts';
import { createStandstill } from './standstill.ts';
import { claimFolder, type FolderClaim } from '@kandle/servers/process/run-record';
import { forgetServerAddresses, writeServerAddresses } from '@kandle/servers/server-addresses';
import { type Servers, startServers } from '@kandle/servers/servers';
import { unlessAborted } from '@kandle/tooling/unless-aborted';
import { createKafkaWatch, type KafkaWatch } from './view/kafka-watch.ts';

const KEYSPACE = 'kandle';
const POLL_MS = 250;

const stopping = new AbortController();

/** Where lines go: into the live view while there is one. */
let say = print;

function print(line: string): void {
  console.log(line);
}

/** Ctrl-C once stops in order; twice gives up waiting (the next start cleans up). */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stopOnce);
}

function stopOnce(): void {
  if (stopping.signal.aborted) process.exit(130);
  stopping.abort();
  say('Stopping … (Ctrl-C to stop at once)');
}

async function main(): Promise<void> {
  const options = parseStartOptions(process.argv.slice(2));
  if (options === null) return void process.stdout.write(helpText(START));
  loadDotEnv(join(REPO_ROOT, '.env'), (path) => readFileSync(path, 'utf8'));
  const plan = await readPlan(options.sinks.map(({ sink }) => sink));
  const feed = await chooseFeed(options, process.env, (line) => say(line));
  // What grows with the market reaches no process by its environment: Linux would not start it.
  delete process.env['SYMBOLS'];
  const folder = options.replay === null ? DATA_FOLDER : REPLAY_FOLDER;
  stopOnSignals();
  try {
    const avro = createAvroEvents(readEnv(AvroEnv, process.env));
    await runIn({ folder, plan, feed, options, avro });
  } catch (error) {
    // Ctrl-C while it started: what ran is ended, and that is all that was asked for.
    if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
  } finally {
    await feed.close();
  }
  say('Stopped.');
}

async function runIn(run: Omit<Run, 'claim'>): Promise<void> {
  const { folder, options } = run;
  await checkMachine({ jarsDir: JARS_FOLDER, dataDir: folder });
  const claim = await claimFolder(folder, (line) => say(line));
  try {
    if (options.replay !== null) emptyData(folder);
    const servers = await startServers({
      dataDir: folder,
      jarsDir: JARS_FOLDER,
      ports: options.ports,
      onProgress: (line) => say(line),
      signal: stopping.signal,
      claim,
    });
    try {
      writeServerAddresses(folder, servers);
      await runOn(servers, { ...run, claim });
    } finally {
      forgetServerAddresses(folder);
      await servers.stop();
    }
  } finally {
    claim.release();
  }
}

interface Run {
  readonly folder: string;
  readonly plan: RunPlan;
  readonly feed: Feed;
  readonly options: StartOptions;
  /** Reads events that are Avro; null where there is no schema registry. */
  readonly avro: AvroEvents | null;
  readonly claim: FolderClaim;
}

async function runOn({ kafka, cassandra }: Servers, run: Run): Promise<void> {
  const { folder, plan, feed, options, avro, claim } = run;
  const logFolder = join(folder, 'logs');
  mkdirSync(logFolder, { recursive: true });
  const metricsPort = options.exporter
    ? await chooseServedPort('metrics-port', options.ports['metrics-port'])
    : null;
  const queryPort = await chooseServedPort('query-port', options.ports['query-port']);
  const local: { answers: ReturnType<typeof createLocalAnswers> | null } = { answers: null };
  say('Starting the functions …');
  // Before the first trade: what this run adds to the topics is counted from here.
  const watch = await unlessAborted(
    createKafkaWatch(kafka.brokers, WATCHED_TOPICS, !feed.ends, avro),
    stopping.signal,
  );
  try {
    const pipeline = await startPipeline({
      plan,
      servers: { kafkaBrokers: kafka.brokers, cassandra },
      keyspace: KEYSPACE,
      logFolder,
      feed: feed.envs[0] ?? null,
      moreFeeds: feed.envs.slice(1),
      idleMs: options.idleMs,
      fromSource: options.fromSource,
      processEnv: (name) => ({ ...avroEnv(), ...ownEnv(name, options) }),
      metricsPort,
      queryPort,
      ...(options.console ? { besideQuery: createLocalPages(() => local.answers) } : {}),
      poll: options.hasKnativesPoll ? KNATIVE_POLL : KANDLE_POLL,
      dispatchers: options.dispatchers,
      signal: stopping.signal,
      log: (line) => say(line),
      hooks: {
        onSpawn: (name, pid) => claim.recordChild(name, pid),
        onExit: (name, pid, expected) => {
          claim.forgetChild(pid);
          if (!expected)
            say(`${name} (pid ${pid}) ended unexpectedly and is started again; see ${logFolder}`);
        },
      },
    });
    try {
      if (options.console && !options.fromSource) say(`Console: http://127.0.0.1:${queryPort}/`);
      say(`Questions over HTTP: http://127.0.0.1:${queryPort}/v1/symbols (all: /v1/openapi.json)`);
      if (metricsPort !== null) say(`Metrics for Prometheus: http://127.0.0.1:${metricsPort}/metrics`);
      await watch.start();
      await follow(pipeline, watch, run, (progress) => {
        local.answers = createLocalAnswers({
          brokers: kafka.brokers,
          avro,
          client: pipeline.client,
          keyspace: KEYSPACE,
          folder,
          state: progress.state,
          refusals: watch.refusals,
        });
      });
    } finally {
      const { answers } = local;
      local.answers = null;
      await answers?.close();
      await pipeline.stop();
    }
  } finally {
    await watch.close();
  }
}

/** What only the launcher knows of a process. */
function ownEnv(name: string, { sinks, ...options }: StartOptions): Readonly<Record<string, string>> {
  if (name === 'notify') return { TARGETS_FILE: notifyTargets(process.env) };
  if (name === 'query') return { CONSOLE: String(options.console) };
  const choice = sinks.find(({ sink }) => sink === name);
  return choice === undefined ? {} : sinkEnv(choice, process.env);
}

/** Where the schema registry is, and what is written as Avro: the same for all. */
function avroEnv(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(AvroEnv.shape).flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** A replay begins with nothing: 2024's rows never mix with those of another run. */
function emptyData(folder: string): void {
  for (const name of ['kafka', 'cassandra', 'logs'])
    rmSync(join(folder, name), { recursive: true, force: true });
}

/** Shows what happens until the feed's end, the time limit or Ctrl-C; then exports. */
async function follow(
  pipeline: Pipeline,
  watch: KafkaWatch,
  { feed, options }: Run,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const progress = createProgress({
    pipeline,
    feed,
    watch,
    idleMs: options.idleMs,
    isLive: process.stdout.isTTY && !options.plain,
    onQuit: () => {
      if (!stopping.signal.aborted) stopOnce();
    },
    say: print,
  });
  onProgress(progress);
  const deadline = options.forMs === null ? Number.POSITIVE_INFINITY : performance.now() + options.forMs;
  const standstill = createStandstill(performance.now());
  let ended = false;
  let stuck: string | null = null;
  let status: IngestStatus | null = null;
  try {
    say = progress.say;
    while (!ended && stuck === null && !stopping.signal.aborted && performance.now() < deadline) {
      await sleep(POLL_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      status = await pipeline.ingestStatus();
      progress.tick(status);
      if (!feed.ends) continue;
      // A server that is being started again is one more thing to wait for.
      ended = status?.drained === true && (await pipeline.isAtRest().catch(() => false));
      stuck = standstill.look(
        { hasBegun: feed.hasBegun(), status, settledEvents: settledEvents(pipeline) },
        performance.now(),
      );
    }
  } finally {
    say = print;
    progress.close();
  }
  await progress.summary(ended);
  if (options.exportFolder !== null) {
    const written = await exportViews(pipeline.client, KEYSPACE, options.exportFolder);
    say(
      `Exported ${written.trades} trades, ${written.candles} candles and ${written.instruments} instruments to ${options.exportFolder}: trades.csv, candles_5s.csv, instruments.csv`,
    );
  }
  if (ended) tellLosses(pipeline, watch, feed, status);
  if (!ended && stuck !== null) {
    const open = await pipeline.findUnrest().catch((error: unknown) => describeError(error));
    throw new StartError(
      `The replay does not come to its end: ${stuck}${open === null ? '' : `; ${open}`}. What was exported is not whole`,
    );
  }
  if (feed.ends && !ended && !stopping.signal.aborted) {
    throw new StartError(
      'The time limit of --for came before the end of the recording: what was exported is not whole',
    );
  }
}

function settledEvents({ sources }: Pipeline): number {
  return sources.reduce((sum, { stats }) => sum + stats.delivered + stats.deadLettered + stats.dropped, 0);
}

/** A recording of which something is in no candle ends with a warning that says what, and with an exit code. */
function tellLosses(pipeline: Pipeline, watch: KafkaWatch, feed: Feed, status: IngestStatus | null): void {
  const losses = lossesOf({
    leftOut: feed.leftOut(),
    status,
    refusals: watch.refusals(),
    deadLetters: watch.metrics().deadLetters,
    sources: pipeline.sources.map(({ stats }) => stats),
  });
  if (losses.length === 0) return;
  say('WARNING: not everything of this recording was counted:');
  for (const loss of losses) say(`  ${loss}`);
  process.exitCode = LOSS_EXIT_CODE;
}

try {
  await main();
} catch (error) {
  const reason = describeError(error);
  // Most of our errors say by themselves what could not be done.
  const isPlain = error instanceof StartError || error instanceof UsageError;
  console.error(isPlain || reason.startsWith('Cannot ') ? reason : `Cannot go on: ${reason}`);
  if (!isPlain && process.env['KANDLE_DEBUG'] !== undefined) console.error(error);
  process.exitCode = 1;
}
// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(process.exitCode ?? 0);
