/**
 * Question: does the whole pipeline run for a long time with flat memory, without lag, and what does it cost?
 *
 * Runs what `npm start` runs, on servers of its own: the manifests, the bundles, the simulated market. Looks at
 * every process and every source each few seconds, follows sampled trades to their rows, and in the end counts
 * whether every trade is in a final candle. The runner's process holds the simulated market and these
 * measurements, too.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCommand, flag, option, text, wholeNumber } from '@kandle/tooling/command';
import { readPlan } from '@kandle/knative/read-plan';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { WATCHED_TOPICS } from '@kandle/local/progress';
import { freePort } from '@kandle/servers/ports/ports';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import { createKafkaWatch } from '@kandle/local/view/kafka-watch';
import { type BenchRun, runBench } from './command.ts';
import { countCandles } from './count-stored.ts';
import { createDelayProbe } from './delay-probe.ts';
import { watchServerUse } from './server-use.ts';
import { createPageProbe, pageLines } from './page-probe.ts';
import { createUsage, rolesOf } from './process-usage.ts';
import { ownServers } from './servers.ts';
import { reportOf, type SoakRun, type SoakSample } from './soak-report.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:soak',
  about: `Runs the whole pipeline on a simulated market for a while, on a Kafka and a Cassandra of its own with empty data
in .kandle/soak, and says what it took: memory, CPU time, lag, delay, and whether every trade is in a final candle.`,
  options: {
    minutes: option('N', 'how long', wholeNumber(1, 10_000), '30'),
    rate: option('N', 'trades a second, up to 50,000', wholeNumber(1, 50_000), '2000'),
    symbols: option('N', 'up to 5,000', wholeNumber(1, 5_000), '100'),
    shards: option('N', 'shards of the feed, as SHARD_COUNT of ingest', wholeNumber(1, 100), '4'),
    'warm-up': option('N', 'seconds of the same before anything counts', wholeNumber(0, 3_600), '60'),
    page: flag('the console is open in Chromium and is measured too, which takes a share of the machine'),
    profile: option(
      'DIR',
      "each function's process leaves a CPU profile there, for a browser's developer tools",
      text,
    ),
    'page-profile': option('FILE', 'where a CPU profile of the page goes, which costs it time', text),
    json: option('FILE', 'where the numbers go', text, 'out/soak.json'),
  },
});

const SAMPLE_MS = 5_000;
/** Samples from one word of progress to the next, and from one writing of the numbers to the next. */
const SAMPLES_A_MINUTE = 12;
/** To ask Kafka where every source stands costs what is measured. */
const LAG_MS = 5_000;
const REST_MS = 120_000;
const KEYSPACE = 'kandle';

await runBench(COMMAND, soak);

async function soak({ options, args, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { minutes, rate, symbols, shards, profile } = options;
  const jsonFile = resolve(REPO_ROOT, options.json);
  const write = (run: object): void => {
    mkdirSync(dirname(jsonFile), { recursive: true });
    writeFileSync(jsonFile, JSON.stringify({ command: args.join(' '), ...run }));
  };
  const servers = await ownServers('soak', say, signal);
  let simulator: Simulator | null = null;
  let watch: Awaited<ReturnType<typeof createKafkaWatch>> | null = null;
  let pipeline: Pipeline | null = null;
  const page = options.page ? await createPageProbe(say, options['page-profile']) : null;
  try {
    let probe: ReturnType<typeof createDelayProbe> | null = null;
    simulator = await startSimulator({
      port: 0,
      seed: 1,
      rate,
      symbols,
      onProgress: say,
      onFrame: (trades) => {
        probe?.onFrame(trades);
        page?.onFrame(trades);
      },
    });
    watch = await createKafkaWatch(servers.kafkaBrokers, WATCHED_TOPICS, true);
    const crashes: string[] = [];
    const queryPort = await freePort();
    pipeline = await startPipeline({
      plan: await readPlan(),
      servers,
      keyspace: KEYSPACE,
      ...(page === null ? {} : { queryPort }),
      logFolder: servers.logFolder,
      feed: feedOf(simulator, shards),
      log: say,
      processEnv: (name) => profileEnv(profile, name),
      hooks: {
        onSpawn: servers.hooks.onSpawn,
        onExit: (name, pid, expected) => {
          servers.hooks.onExit(name, pid, expected);
          if (!expected) crashes.push(name);
        },
      },
    });
    say(`Warming up for ${options['warm-up']} s …`);
    await sleep((options['warm-up'] * 1_000) / 2, undefined, { signal });
    await page?.open(`http://127.0.0.1:${queryPort}`);
    await sleep((options['warm-up'] * 1_000) / 2, undefined, { signal });
    probe = createDelayProbe(pipeline.client, KEYSPACE, { everyMs: 1_000 });
    const usage = createUsage();
    const alive = rolesOf(pipeline, servers.pids);
    const measured = new AbortController();
    const takeLags = watchLags(pipeline, measured.signal);
    const samples: SoakSample[] = [];
    const startedMs = performance.now();
    const first = usage.sample(alive());
    const useSince = await watchServerUse(pipeline.client, KEYSPACE, servers.pids.cassandra);
    const tradesBefore = simulator.stats().trades;
    await page?.start();
    while (performance.now() - startedMs < minutes * 60_000 && !signal.aborted) {
      await sleep(SAMPLE_MS, undefined, { signal }).catch(() => undefined);
      samples.push({
        atSeconds: (performance.now() - startedMs) / 1_000,
        trades: simulator.stats().trades - tradesBefore,
        lags: takeLags(),
        p99Ms: Object.fromEntries(
          [...pipeline.services].map(([name, service]) => [name, service.stats().p99Ms]),
        ),
        usage: Object.fromEntries(usage.sample(alive())),
      });
      await page?.look();
      // What was measured so far is kept, should the run be cut short.
      if (samples.length % SAMPLES_A_MINUTE === 0) {
        say(progressLine(samples, minutes));
        write({ samples, first: Object.fromEntries(first), delays: probe.delays() });
      }
    }
    const cassandra = await useSince();
    measured.abort();
    probe.stop();
    const shown = (await page?.report()) ?? null;
    await page?.close();
    simulator.setSilent(true);
    const deadline = performance.now() + REST_MS;
    while (!(await pipeline.isAtRest()) && performance.now() < deadline) await sleep(250);
    // Not before: to read along costs Kafka a part of what is measured.
    await watch.start();
    await watch.catchUp(REST_MS);
    // The rows of the last candles are written after they were published.
    while (
      performance.now() < deadline &&
      (await countCandles(pipeline.client, KEYSPACE)).inFinalCandles < simulator.stats().trades
    )
      await sleep(1_000);
    const run: SoakRun = {
      samples,
      first: Object.fromEntries(first),
      delays: probe.delays(),
      cassandra,
      hasPage: page !== null,
      end: {
        ...(await countCandles(pipeline.client, KEYSPACE)),
        sent: simulator.stats().trades,
        delivered: Object.fromEntries(
          pipeline.sources.map(({ plan, stats }) => [plan.name, stats.delivered]),
        ),
        skippedMs: simulator.stats().skippedMs,
        crashes,
        coldStarts: Object.fromEntries(
          [...pipeline.services].map(([name, service]) => [name, service.stats().coldStarts]),
        ),
        ...watch.metrics(),
      },
    };
    write({ ...run, page: shown });
    const { lines, isGood } = reportOf(run, rate);
    console.log(lines.join('\n'));
    if (shown !== null) console.log(`\n${pageLines(shown).join('\n')}`);
    return isGood && (shown?.errors.length ?? 0) === 0;
  } finally {
    await page?.close();
    await pipeline?.stop();
    await watch?.close();
    await simulator?.close();
    await servers.close();
  }
}

function feedOf({ url, symbols }: Simulator, shards: number): Readonly<Record<string, string>> {
  return {
    FEED: 'sim',
    FEED_URL: url,
    FINNHUB_TOKEN: 'simulator',
    SYMBOLS: symbols.join(','),
    SHARD_COUNT: String(shards),
  };
}

function profileEnv(folder: string | null, name: string): Readonly<Record<string, string>> {
  return folder === null ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(folder, name)}` };
}

/** The most records that a source was behind since the last look, by source. */
function watchLags(pipeline: Pipeline, signal: AbortSignal): () => Record<string, number> {
  let most: Record<string, number> = {};
  void (async () => {
    while (!signal.aborted) {
      const lags = await pipeline.lags().catch(() => new Map<string, number>());
      for (const [name, lag] of lags) most[name] = Math.max(most[name] ?? 0, lag);
      await sleep(LAG_MS);
    }
  })();
  return () => {
    const taken = most;
    most = {};
    return taken;
  };
}

function progressLine(samples: readonly SoakSample[], minutes: number): string {
  const last = samples.at(-1);
  const behind = Math.max(...samples.slice(-SAMPLES_A_MINUTE).flatMap(({ lags }) => Object.values(lags)), 0);
  const memory = Object.entries(last?.usage ?? {}).map(
    ([role, { totalMb }]) => `${role} ${totalMb.toFixed(0)}`,
  );
  return `  minute ${samples.length / SAMPLES_A_MINUTE} of ${minutes}: ${(last?.trades ?? 0).toLocaleString('en')} trades, at most ${behind} records behind; MiB: ${memory.join(', ')}`;
}
