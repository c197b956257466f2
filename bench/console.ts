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
import { launchChromium } from '@kandle/console/chromium';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import type { SimulatedTrade } from '@kandle/feeds/simulator/market';
import { readPlan } from '@kandle/knative/read-plan';
import { WINDOW_MS } from '@kandle/market/window/window';
import { freePort } from '@kandle/servers/ports/ports';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { defineCommand, option, text, wholeNumber } from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import {
  type DrawnCandle,
  delaysToChart,
  delaysToStream,
  listenToCandles,
  newestTrades,
  type SentTrade,
} from './chart-delays.ts';
import { type BenchRun, runBench } from './command.ts';
import { ownServers } from './servers.ts';
import { quantile } from './statistics.ts';
import { targetLines } from './targets.ts';

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

const SAMPLE_MS = 5_000;

interface PageSample {
  readonly atSeconds: number;
  /** CPU time of the page's main thread. */
  readonly cpuSeconds: number;
  /** How long its tasks took, with the time that they waited for a core. */
  readonly busySeconds: number;
  /** CPU time of all of Chromium's processes. */
  readonly chromiumSeconds: number;
  readonly heapMb: number;
}

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
  const sent: SentTrade[] = [];
  const listening = new AbortController();
  let drawnSymbol = '';
  const take = (trades: readonly SimulatedTrade[]): void => {
    for (const trade of trades)
      if (trade.instrument.symbol === drawnSymbol)
        sent.push({
          sentMs: Date.now(),
          startMs: trade.eventTimeMs - (trade.eventTimeMs % WINDOW_MS),
        });
  };
  const browser = await launchChromium();
  try {
    simulator = await startSimulator({ port: 0, seed: 1, rate, symbols, onProgress: say, onFrame: take });
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
    const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(`http://127.0.0.1:${queryPort}/`);
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
    // The busiest of the list is what is shown first; its name is in the address.
    drawnSymbol = decodeURIComponent(/\/market\/[^/]+\/([^/]+)/.exec(page.url())?.[1] ?? '');
    await sleep((options['warm-up'] * 1_000) / 2, undefined, { signal });
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const chromium = await browser.newBrowserCDPSession();
    const streamed = listenToCandles(`http://127.0.0.1:${queryPort}`, drawnSymbol, listening.signal);
    await page.evaluate(watchChart);
    if (options.profile !== null) {
      await session.send('Profiler.enable');
      await session.send('Profiler.start');
    }
    const startedMs = performance.now();

    async function sample(): Promise<PageSample> {
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
      const { processInfo } = await chromium.send('SystemInfo.getProcessInfo');
      return {
        atSeconds: (performance.now() - startedMs) / 1_000,
        cpuSeconds: of('ThreadTime'),
        busySeconds: of('TaskDuration'),
        chromiumSeconds: processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0),
        heapMb: of('JSHeapUsedSize') / 2 ** 20,
      };
    }

    const samples = [await sample()];
    const drawn: DrawnCandle[] = [];
    const tradesBefore = simulator.stats().trades;
    while (performance.now() - startedMs < minutes * 60_000) {
      await sleep(SAMPLE_MS, undefined, { signal });
      drawn.push(...(await page.evaluate(takeDrawn)));
      // A collection takes the main thread's time too: once a minute.
      if (performance.now() - startedMs < samples.length * 60_000) continue;
      samples.push(await sample());
      say(progressLine(samples, minutes));
    }
    const trades = simulator.stats().trades - tradesBefore;
    if (options.profile !== null) {
      const { profile } = await session.send('Profiler.stop');
      writeFileSync(resolve(REPO_ROOT, options.profile), JSON.stringify(profile));
    }
    const seen = newestTrades(streamed, sent);
    const toStream = delaysToStream(seen);
    const toChart = delaysToChart(seen, drawn);
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) throw new Error('Cannot measure: there is no sample');
    const seconds = last.atSeconds - first.atSeconds;
    const shareOf = (of: (sample: PageSample) => number): number => (of(last) - of(first)) / seconds;
    const report = {
      command: args.join(' '),
      tradesPerSecond: trades / seconds,
      loadAverage: loadavg()[0],
      mainThreadShare: shareOf(({ cpuSeconds }) => cpuSeconds),
      mainThreadBusyShare: shareOf(({ busySeconds }) => busySeconds),
      chromiumShare: shareOf(({ chromiumSeconds }) => chromiumSeconds),
      heapGrowthMb: last.heapMb - first.heapMb,
      tradeToStreamMs: spreadOf(toStream),
      tradeToChartMs: spreadOf(toChart),
      errors,
      samples,
    };
    const file = resolve(REPO_ROOT, options.json);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(report));
    const lines = targetLines([
      {
        what: 'main thread of the page',
        measured: report.mainThreadShare * 100,
        atMost: 30,
        unit: '% of a core',
      },
      { what: 'growth of its heap', measured: report.heapGrowthMb, atMost: 10, unit: 'MiB' },
      { what: 'trade to chart, p99', measured: report.tradeToChartMs.p99 / 1_000, atMost: 0.7, unit: 's' },
      { what: 'errors in the console', measured: errors.length, atMost: 0, unit: '' },
    ]);
    console.log(
      `${drawnSymbol} of ${symbols} symbols, ${report.tradesPerSecond.toFixed(0)} trades/s for ${seconds.toFixed(0)} s`,
    );
    console.log(`Trade to stream: ${spreadText(report.tradeToStreamMs)}`);
    console.log(`Trade to chart:  ${spreadText(report.tradeToChartMs)}`);
    console.log(
      `Main thread busy, waiting for a core too: ${(report.mainThreadBusyShare * 100).toFixed(1)} %; CPU of all of Chromium: ${(report.chromiumShare * 100).toFixed(1)} % of a core`,
    );
    for (const line of lines) console.log(line);
    return errors.length === 0;
  } finally {
    listening.abort();
    await browser.close();
    await pipeline?.stop();
    await simulator?.close();
    await servers.close();
  }
}

/** In the page: notes each of the newest candles of the chart when it is another one. */
function watchChart(): void {
  const { kandle } = globalThis as unknown as {
    kandle: { drawn: () => readonly (Omit<DrawnCandle, 'atMs' | 'startMs'> & { time: number })[] };
  };
  const drawn: DrawnCandle[] = [];
  Object.assign(globalThis, { drawn });
  let last = new Map<number, string>();
  setInterval(() => {
    const now = new Map<number, string>();
    // A window's last change comes when the next one has begun.
    for (const { time, open, high, low, close } of kandle.drawn().slice(-3)) {
      const text = [open, high, low, close].join(' ');
      now.set(time, text);
      if (last.get(time) !== text)
        drawn.push({ atMs: Date.now(), startMs: time * 1_000, open, high, low, close });
    }
    last = now;
  }, 50);
}

/** In the page: what was noted since the last time. */
function takeDrawn(): readonly DrawnCandle[] {
  const { drawn } = globalThis as unknown as { drawn: DrawnCandle[] };
  return drawn.splice(0);
}

interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

function spreadOf(delays: readonly number[]): Spread {
  return { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), count: delays.length };
}

function spreadText({ p50, p99, count }: Spread): string {
  return `p50 ${(p50 / 1_000).toFixed(2)} s, p99 ${(p99 / 1_000).toFixed(2)} s of ${count} candles seen`;
}

function progressLine(samples: readonly PageSample[], minutes: number): string {
  const [before, last] = samples.slice(-2);
  const busy = (last?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0);
  const seconds = (last?.atSeconds ?? 0) - (before?.atSeconds ?? 0);
  return `  minute ${samples.length - 1} of ${minutes}: main thread ${((busy / seconds) * 100).toFixed(1)} %, heap ${last?.heapMb.toFixed(1)} MiB`;
}
