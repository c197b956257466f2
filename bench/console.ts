/**
 * Question: what does the console cost the browser while the market trades, and how soon is a trade in its
 * chart?
 *
 * Runs what `npm start` runs, on servers of its own, and the page in a real Chromium: the share of a core that
 * the page's main thread takes, how its heap grows (each time after a collection), and the time from a trade on
 * the feed's line to the candle that ends with it, as the chart holds it. The chart is looked at 20 times a
 * second, which is part of both: a trade is seen up to 50 ms late, and the looking is in the thread's share.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchChromium } from '@kandle/console/chromium';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import type { SimulatedTrade } from '@kandle/feeds/simulator/market';
import { priceOf } from '@kandle/feeds/simulator/frame-text';
import { readPlan } from '@kandle/knative/read-plan';
import { WINDOW_MS } from '@kandle/market/window/window';
import { freePort } from '@kandle/servers/ports/ports';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { defineCommand, option, text, wholeNumber } from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
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
  },
});

const SAMPLE_MS = 5_000;

/** The newest candle of the chart, each time that it was another one. */
interface Seen {
  readonly atMs: number;
  readonly startMs: number;
  readonly close: number;
}

/** Trades of the symbol that is drawn, with when they were sent. */
interface Sent {
  readonly sentMs: number;
  readonly startMs: number;
  readonly price: number;
}

interface PageSample {
  readonly atSeconds: number;
  /** Of the main thread, since the page was opened. */
  readonly busySeconds: number;
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
  const sent: Sent[] = [];
  let drawnSymbol = '';
  const take = (trades: readonly SimulatedTrade[]): void => {
    for (const trade of trades)
      if (trade.instrument.symbol === drawnSymbol)
        sent.push({
          sentMs: Date.now(),
          startMs: trade.eventTimeMs - (trade.eventTimeMs % WINDOW_MS),
          price: priceOf(trade),
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
    await page.evaluate(watchChart);
    const startedMs = performance.now();

    async function sample(): Promise<PageSample> {
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
      return {
        atSeconds: (performance.now() - startedMs) / 1_000,
        busySeconds: of('TaskDuration'),
        heapMb: of('JSHeapUsedSize') / 2 ** 20,
      };
    }

    const samples = [await sample()];
    const seen: Seen[] = [];
    const tradesBefore = simulator.stats().trades;
    while (performance.now() - startedMs < minutes * 60_000) {
      await sleep(SAMPLE_MS, undefined, { signal });
      seen.push(...(await page.evaluate(takeSeen)));
      // A collection takes the main thread's time too: once a minute.
      if (performance.now() - startedMs < samples.length * 60_000) continue;
      samples.push(await sample());
      say(progressLine(samples, minutes));
    }
    const trades = simulator.stats().trades - tradesBefore;
    const delays = delaysOf(seen, sent);
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined) throw new Error('Cannot measure: there is no sample');
    const seconds = last.atSeconds - first.atSeconds;
    const report = {
      command: args.join(' '),
      tradesPerSecond: trades / seconds,
      mainThreadShare: (last.busySeconds - first.busySeconds) / seconds,
      heapGrowthMb: last.heapMb - first.heapMb,
      tradeToChartMs: { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), count: delays.length },
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
      `${drawnSymbol} of ${symbols} symbols, ${report.tradesPerSecond.toFixed(0)} trades/s for ${seconds.toFixed(0)} s; trade to chart p50 ${(report.tradeToChartMs.p50 / 1_000).toFixed(2)} s of ${delays.length} candles seen`,
    );
    for (const line of lines) console.log(line);
    return errors.length === 0;
  } finally {
    await browser.close();
    await pipeline?.stop();
    await simulator?.close();
    await servers.close();
  }
}

/** In the page: notes the newest candle of the chart each time that it is another one. */
function watchChart(): void {
  const { kandle } = globalThis as unknown as {
    kandle: { drawn: () => readonly { time: number; close: number }[] };
  };
  const seen: Seen[] = [];
  Object.assign(globalThis, { seen });
  let last = '';
  setInterval(() => {
    const bar = kandle.drawn().at(-1);
    if (bar === undefined || last === `${bar.time} ${bar.close}`) return;
    last = `${bar.time} ${bar.close}`;
    seen.push({ atMs: Date.now(), startMs: bar.time * 1_000, close: bar.close });
  }, 50);
}

/** In the page: what was noted since the last time. */
function takeSeen(): readonly Seen[] {
  const { seen } = globalThis as unknown as { seen: Seen[] };
  return seen.splice(0);
}

/**
 * From each trade that a candle was seen to end with to that moment. Of trades of one price in a window the
 * first counts that was sent after the one before.
 */
function delaysOf(seen: readonly Seen[], sent: readonly Sent[]): readonly number[] {
  const windows = Map.groupBy(sent, ({ startMs }) => startMs);
  const next = new Map<number, number>();
  const delays: number[] = [];
  for (const { atMs, startMs, close } of seen) {
    const trades = windows.get(startMs) ?? [];
    const from = next.get(startMs) ?? 0;
    const found = trades.findIndex(
      ({ price, sentMs }, n) => n >= from && sentMs <= atMs && Math.abs(price - close) < 1e-7,
    );
    if (found < 0) continue;
    next.set(startMs, found + 1);
    delays.push(atMs - (trades[found]?.sentMs ?? Number.NaN));
  }
  return delays;
}

function progressLine(samples: readonly PageSample[], minutes: number): string {
  const [before, last] = samples.slice(-2);
  const busy = (last?.busySeconds ?? 0) - (before?.busySeconds ?? 0);
  const seconds = (last?.atSeconds ?? 0) - (before?.atSeconds ?? 0);
  return `  minute ${samples.length - 1} of ${minutes}: main thread ${((busy / seconds) * 100).toFixed(1)} %, heap ${last?.heapMb.toFixed(1)} MiB`;
}
