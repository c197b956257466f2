/**
 * Question: does the whole pipeline run for a long time with flat memory, without lag, and what does it cost?
 *
 * Runs what `npm start` runs, on servers of its own: the manifests, the bundles, the simulated market. Looks at every
 * process and every source each few seconds, follows sampled trades to their rows, and in the end counts whether every
 * trade is in a final candle. The runner's process holds the simulated market and these measurements, too.
 *
 * `npm run bench:soak -- --minutes 30 --rate 2000 [--symbols 100] [--json FILE]`
 * With `--profile FOLDER` every function's process leaves a CPU profile there, to be opened in a browser's developer tools.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readKnownVariables } from '../local/src/knative/known-variables.ts';
import { readManifests } from '../local/src/knative/manifests.ts';
import { planRun } from '../local/src/knative/plan.ts';
import { JARS_FOLDER, REPO_ROOT } from '../local/src/paths.ts';
import { startPipeline } from '../local/src/pipeline.ts';
import { WATCHED_TOPICS } from '../local/src/progress.ts';
import { claimFolder } from '../local/src/run-record.ts';
import { startServers } from '../local/src/servers.ts';
import { type Simulator, startSimulator } from '../local/src/simulator/server.ts';
import { createKafkaWatch } from '../local/src/view/kafka-watch.ts';
import { createDelayProbe } from './delay-probe.ts';
import { createUsage } from './process-usage.ts';
import { reportOf, type SoakRun, type SoakSample } from './soak-report.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '2000' },
    symbols: { type: 'string', default: '100' },
    profile: { type: 'string' },
    json: { type: 'string', default: join(REPO_ROOT, 'out', 'soak.json') },
  },
});
const MINUTES = Number(values.minutes);
const SAMPLE_MS = 5_000;
const LAG_MS = 1_000;
const SETTLE_MS = 120_000;
const KEYSPACE = 'kandle';

const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
const say = (line: string): void => console.error(line);

const folder = join(REPO_ROOT, '.kandle', 'soak');
const claim = await claimFolder(folder, say);
for (const name of ['kafka', 'cassandra', 'logs'])
  rmSync(join(folder, name), { recursive: true, force: true });
mkdirSync(join(folder, 'logs'), { recursive: true });
const servers = await startServers({
  dataDir: folder,
  claim,
  jarsDir: JARS_FOLDER,
  randomPorts: true,
  wholeHeap: true,
  onProgress: say,
  signal: stopping.signal,
});
let probe: ReturnType<typeof createDelayProbe> | null = null;
const simulator = await startSimulator({
  port: 0,
  seed: 1,
  rate: Number(values.rate),
  symbols: Number(values.symbols),
  onProgress: say,
  onFrame: (trades) => probe?.onFrame(trades),
});
const watch = await createKafkaWatch(servers.kafka.brokers, WATCHED_TOPICS, true);
const crashes: string[] = [];
const pipeline = await startPipeline({
  plan: planRun(readManifests(join(REPO_ROOT, 'knative', 'base')), await readKnownVariables()),
  servers: { kafkaBrokers: servers.kafka.brokers, cassandra: servers.cassandra },
  keyspace: KEYSPACE,
  logFolder: join(folder, 'logs'),
  feed: feedOf(simulator),
  log: say,
  processEnv: profileEnv,
  hooks: {
    onSpawn: (name, pid) => claim.recordChild(name, pid),
    onExit: (name, pid, expected) => {
      claim.forgetChild(pid);
      if (!expected) crashes.push(name);
    },
  },
});

function feedOf({ url, symbols }: Simulator): Readonly<Record<string, string>> {
  return { FEED: 'sim', FEED_URL: url, FINNHUB_TOKEN: 'simulator', SYMBOLS: symbols.join(',') };
}

function profileEnv(name: string): Readonly<Record<string, string>> {
  if (values.profile === undefined) return {};
  return { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(values.profile, name)}` };
}

function alive(): ReadonlyMap<string, readonly number[]> {
  return new Map([
    ['ingest', pipeline.ingest === null ? [] : [pipeline.ingest.pid()]],
    ...[...pipeline.services].map(([name, service]) => [name, service.stats().pids] as const),
    ['runner', [process.pid]],
    ['kafka', [servers.kafka.pid]],
    ['cassandra', [servers.cassandra.pid]],
  ]);
}

/** The most records that a source was behind since the last look, by source. */
function watchLags(signal: AbortSignal): () => Record<string, number> {
  let most: Record<string, number> = {};
  void (async () => {
    while (!signal.aborted) {
      const lags = await pipeline.lags().catch(() => new Map<string, bigint>());
      for (const [name, lag] of lags) most[name] = Math.max(most[name] ?? 0, Number(lag));
      await sleep(LAG_MS);
    }
  })();
  return () => {
    const taken = most;
    most = {};
    return taken;
  };
}

async function countTrades(): Promise<{ readonly inFinalCandles: number; readonly provisional: number }> {
  const counts = { inFinalCandles: 0, provisional: 0 };
  const query = `SELECT state, trade_count FROM ${KEYSPACE}.candles_5s`;
  for await (const row of await pipeline.client.execute(query, [], { prepare: true, fetchSize: 5_000 })) {
    if (row['state'] === 'final') counts.inFinalCandles += Number(row['trade_count']);
    else counts.provisional += 1;
  }
  return counts;
}

try {
  await watch.start();
  probe = createDelayProbe(pipeline.client, KEYSPACE, { everyMs: 500 });
  const usage = createUsage();
  const measured = new AbortController();
  const takeLags = watchLags(measured.signal);
  const samples: SoakSample[] = [];
  const startedMs = performance.now();
  const first = usage.sample(alive());
  const tradesBefore = simulator.stats().trades;
  while (performance.now() - startedMs < MINUTES * 60_000 && !stopping.signal.aborted) {
    await sleep(SAMPLE_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
    samples.push({
      atSeconds: (performance.now() - startedMs) / 1_000,
      trades: simulator.stats().trades - tradesBefore,
      lags: takeLags(),
      p99Ms: Object.fromEntries(
        [...pipeline.services].map(([name, service]) => [name, service.stats().p99Ms]),
      ),
      usage: Object.fromEntries(usage.sample(alive())),
    });
    // What was measured so far is kept, should the run be cut short.
    if (samples.length % 12 === 0)
      write({ samples, first: Object.fromEntries(first), delays: probe.delays() });
  }
  measured.abort();
  probe.stop();
  simulator.setSilent(true);
  const deadline = performance.now() + SETTLE_MS;
  while (!(await pipeline.isSettled()) && performance.now() < deadline) await sleep(250);
  await watch.catchUp(SETTLE_MS);
  // The rows of the last candles are written after they were published.
  while (performance.now() < deadline && (await countTrades()).inFinalCandles < simulator.stats().trades)
    await sleep(1_000);
  const run: SoakRun = {
    samples,
    first: Object.fromEntries(first),
    delays: probe.delays(),
    end: {
      ...(await countTrades()),
      sent: simulator.stats().trades,
      delivered: Object.fromEntries(pipeline.sources.map(({ plan, stats }) => [plan.name, stats.delivered])),
      skippedMs: simulator.stats().skippedMs,
      crashes,
      coldStarts: Object.fromEntries(
        [...pipeline.services].map(([name, service]) => [name, service.stats().coldStarts]),
      ),
      ...watch.counts(),
    },
  };
  write(run);
  const { lines, isGood } = reportOf(run);
  console.log(lines.join('\n'));
  process.exitCode = isGood ? 0 : 1;
} finally {
  await pipeline.stop();
  await watch.close();
  await simulator.close();
  await servers.kill();
  claim.release();
}
process.exit();

function write(run: object): void {
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, JSON.stringify({ command: process.argv.slice(2).join(' '), ...run }));
}
