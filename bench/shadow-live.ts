/**
 * Question: what does a shadow cost the delay of the pipeline beside which it is played?
 *
 * Trades at a steady rate, then plays what was traded once more beside it, on the same servers, and goes on for
 * as long as it traded before. Follows sampled trades to their rows all the time, and tells what they took
 * before, during and after.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '@kandle/feeds/simulator/server';
import { readPlan } from '@kandle/knative/read-plan';
import { WINDOW_MS } from '@kandle/market/window/window';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { defineCommand, option, wholeNumber } from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type BenchRun, runBench } from './command.ts';
import { createDelayProbe } from './delay-probe.ts';
import { ownServers } from './servers.ts';
import { quantile } from './statistics.ts';
import { targetLines } from './targets.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:shadow-live',
  about: `Plays a shadow beside a simulated market that goes on, on a Kafka and a Cassandra of its own with empty data in
.kandle/shadow-live, and says how much later the rows of trades came meanwhile.`,
  options: {
    minutes: option('N', 'of trading before, which the shadow plays', wholeNumber(1, 1_000), '3'),
    rate: option('N', 'trades a second', wholeNumber(1, 50_000), '200'),
    symbols: option('N', 'up to 5,000', wholeNumber(1, 5_000), '40'),
    pace: option('N', 'the shadow is played with --pace N', wholeNumber(1, 100_000)),
    'warm-up': option('N', 'seconds of the same before', wholeNumber(10, 3_600), '60'),
  },
});

const SHADOW = join(REPO_ROOT, 'local', 'src', 'shadow.ts');
const KEYSPACE = 'kandle';
const SAMPLE_EVERY_MS = 100;
/** By then the last window of the stretch is final. */
const FINAL_MS = 15_000;
const MOST_GROWTH = 1.1;

await runBench(COMMAND, shadowBesideLive);

async function shadowBesideLive({
  options,
  say,
  signal,
}: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { minutes, rate, symbols } = options;
  const servers = await ownServers('shadow-live', say, signal);
  let probe: ReturnType<typeof createDelayProbe> | null = null;
  let pipeline: Pipeline | null = null;
  const simulator = await startSimulator({
    port: 0,
    seed: 1,
    rate,
    symbols,
    onProgress: say,
    onFrame: (trades) => probe?.onFrame(trades),
  });
  try {
    pipeline = await startPipeline({
      plan: await readPlan(),
      servers,
      keyspace: KEYSPACE,
      logFolder: servers.logFolder,
      feed: {
        FEED: 'sim',
        FEED_URL: simulator.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: simulator.symbols.join(','),
      },
      log: say,
      hooks: servers.hooks,
    });
    const { client } = pipeline;
    const during = async (what: string, work: () => Promise<void>): Promise<readonly number[]> => {
      say(`${what} …`);
      probe = createDelayProbe(client, KEYSPACE, { everyMs: SAMPLE_EVERY_MS });
      await work();
      probe.stop();
      const { tradeMs, missing } = probe.delays();
      console.log(
        `${what.padEnd(8)} trade → row: p50 ${seconds(quantile(tradeMs, 0.5))}, p99 ${seconds(quantile(tradeMs, 0.99))} (${tradeMs.length} samples, ${missing} in vain)`,
      );
      return tradeMs;
    };
    const trade = (): Promise<void> => sleep(minutes * 60_000, undefined, { signal });
    await sleep(options['warm-up'] * 1_000, undefined, { signal });
    const fromMs = Math.ceil(Date.now() / WINDOW_MS) * WINDOW_MS;
    const before = await during('Before', trade);
    const toMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
    await sleep(FINAL_MS, undefined, { signal });
    let isSame = false;
    const beside = await during('Beside', async () => {
      // A process of its own, as people play one.
      const pace = options.pace === null ? [] : ['--pace', String(options.pace)];
      const args = ['--from', String(fromMs), '--to', String(toMs), '--name', 'live', '--show', '5', ...pace];
      const child = spawn(process.execPath, [SHADOW, ...args], {
        env: {
          PATH: process.env['PATH'],
          KAFKA_BROKERS: servers.kafkaBrokers.join(','),
          CASSANDRA_CONTACT_POINTS: servers.cassandra.contactPoints.join(','),
          CASSANDRA_PORT: String(servers.cassandra.port),
          CASSANDRA_KEYSPACE: KEYSPACE,
        },
        stdio: ['ignore', 'inherit', 'inherit'],
        signal,
      });
      const [code] = await once(child, 'exit');
      isSame = code === 0;
    });
    const after = await during('After', trade);
    const quiet = quantile([...before, ...after], 0.99);
    const growth = quantile(beside, 0.99) / quiet;
    for (const line of targetLines([
      { what: 'p99 beside a shadow, of that without', measured: growth, atMost: MOST_GROWTH, unit: 'times' },
    ]))
      console.log(line);
    return isSame;
  } finally {
    await pipeline?.stop();
    await simulator.close();
    await servers.close();
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
