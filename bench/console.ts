/**
 * Question: what does the console cost the browser while the market trades, and how soon is a trade in its
 * chart?
 *
 * Runs what `npm start` runs, on servers of its own, and the page in a real Chromium: the share of a core
 * that the page's main thread takes, how its heap grows (each time after a collection), and the time from a
 * trade on the feed's line to the candle that ends with it, as it leaves the query function and as the chart
 * holds it. The chart is looked at 20 times a second, which is part of both: a trade is seen up to 50 ms
 * late, and the looking is in the thread's share.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import { readPlan } from '@kandle/knative/read-plan';
import { freePort } from '@kandle/servers/ports/ports';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { defineCommand, option, text, wholeNumber } from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { type BenchRun, runBench } from './command.ts';
import { createPageProbe, pageLines } from './page-probe.ts';
import { ownServers } from './servers.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:console',
  about: `Opens the console in Chromium on a simulated market, on a Kafka and a Cassandra of its own with empty data in
.kandle/console, and says what it took of the page's main thread and heap, and how soon a trade is in the chart.`,
  options: {
    minutes: option('N', 'how long', wholeNumber(1, 10_000), '30'),
    rate: option('N', 'trades a second, up to 50,000', wholeNumber(1, 50_000), '2000'),
    symbols: option('N', 'up to 5,000', wholeNumber(1, 5_000), '100'),
    'warm-up': option('N', 'seconds of the same before anything counts', wholeNumber(1, 3_600), '60'),
    json: option('FILE', 'where the numbers go', text, 'out/console.json'),
    profile: option('FILE', 'where a CPU profile of the page goes, which costs it time', text),
  },
});

const LOOK_MS = 5_000;

await runBench(COMMAND, measureConsole);

async function measureConsole({
  options,
  args,
  say,
  signal,
}: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { minutes, rate, symbols } = options;
  const servers = await ownServers('console', say, signal);
  let simulator: Simulator | null = null;
  let pipeline: Pipeline | null = null;
  const page = await createPageProbe(say, options.profile);
  try {
    simulator = await startSimulator({
      port: 0,
      seed: 1,
      rate,
      symbols,
      onProgress: say,
      onFrame: page.onFrame,
    });
    const queryPort = await freePort();
    pipeline = await startPipeline({
      plan: await readPlan(),
      servers,
      keyspace: 'kandle',
      logFolder: servers.logFolder,
      feed: {
        FEED: 'sim',
        FEED_URL: simulator.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: simulator.symbols.join(','),
      },
      queryPort,
      log: say,
      hooks: servers.hooks,
    });
    say(`Warming up for ${options['warm-up']} s …`);
    await sleep((options['warm-up'] * 1_000) / 2, undefined, { signal });
    await page.open(`http://127.0.0.1:${queryPort}`);
    await sleep((options['warm-up'] * 1_000) / 2, undefined, { signal });
    await page.start();
    const tradesBefore = simulator.stats().trades;
    const startedMs = performance.now();
    while (performance.now() - startedMs < minutes * 60_000) {
      await sleep(LOOK_MS, undefined, { signal });
      await page.look();
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const tradesPerSecond = (simulator.stats().trades - tradesBefore) / seconds;
    const report = await page.report();
    const file = resolve(REPO_ROOT, options.json);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      JSON.stringify({ command: args.join(' '), tradesPerSecond, loadAverage: loadavg()[0], ...report }),
    );
    console.log(`${symbols} symbols, ${tradesPerSecond.toFixed(0)} trades/s for ${seconds.toFixed(0)} s`);
    console.log(pageLines(report).join('\n'));
    return report.errors.length === 0;
  } finally {
    await page.close();
    await pipeline?.stop();
    await simulator?.close();
    await servers.close();
  }
}
