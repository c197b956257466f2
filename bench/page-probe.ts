import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { launchChromium } from '@kandle/console/chromium';
import type { SimulatedTrade } from '@kandle/feeds/simulator/market';
import { WINDOW_MS } from '@kandle/market/window/window';
import { REPO_ROOT } from '@kandle/tooling/paths';
import {
  type DrawnCandle,
  delaysToChart,
  delaysToStream,
  listenToCandles,
  newestTrades,
  type SentTrade,
} from './chart-delays.ts';
import { quantile } from './statistics.ts';
import { targetLines } from './targets.ts';

/** The console in a real Chromium, and what it costs there. */
export interface PageProbe {
  /** Notes when the trades of a frame were sent. */
  onFrame(trades: readonly SimulatedTrade[]): void;
  /** Opens the page and waits until it is live. */
  open(origin: string): Promise<void>;
  /** From now on it is measured. */
  start(): Promise<void>;
  /** Takes what the chart has shown since the last look; once a minute also what the page has used. */
  look(): Promise<void>;
  report(): Promise<PageReport>;
  close(): Promise<void>;
}

/** What a page has taken. */
export interface PageReport {
  /** The symbol in the chart. */
  readonly symbol: string;
  /** CPU time of the main thread, as a share of a core. */
  readonly mainThreadShare: number;
  /** How long its tasks took, with the time that they waited for a core. */
  readonly mainThreadBusyShare: number;
  /** CPU time of all of Chromium's processes. */
  readonly chromiumShare: number;
  readonly heapGrowthMb: number;
  readonly tradeToStreamMs: Spread;
  readonly tradeToChartMs: Spread;
  readonly errors: readonly string[];
  readonly samples: readonly PageSample[];
}

interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}

interface PageSample {
  readonly atSeconds: number;
  readonly cpuSeconds: number;
  readonly busySeconds: number;
  readonly chromiumSeconds: number;
  readonly heapMb: number;
}

/** A collection takes the main thread's time too: not oftener than this. */
const SAMPLE_MS = 60_000;

/** Starts Chromium. @param profile Where a CPU profile of the page goes, which costs it time. */
export async function createPageProbe(
  say: (line: string) => void,
  profile: string | null = null,
): Promise<PageProbe> {
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  const session = await page.context().newCDPSession(page);
  const chromium = await browser.newBrowserCDPSession();
  const errors: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  const listening = new AbortController();
  const sent: SentTrade[] = [];
  const drawn: DrawnCandle[] = [];
  const samples: PageSample[] = [];
  let streamed: ReturnType<typeof listenToCandles> = [];
  let place = { origin: '', symbol: '' };
  let startedMs = 0;

  async function sample(): Promise<void> {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name: string): number => metrics.find((one) => one.name === name)?.value ?? Number.NaN;
    const { processInfo } = await chromium.send('SystemInfo.getProcessInfo');
    samples.push({
      atSeconds: (performance.now() - startedMs) / 1_000,
      cpuSeconds: of('ThreadTime'),
      busySeconds: of('TaskDuration'),
      chromiumSeconds: processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0),
      heapMb: of('JSHeapUsedSize') / 2 ** 20,
    });
  }

  return {
    onFrame(trades) {
      for (const { instrument, eventTimeMs } of trades)
        if (instrument.symbol === place.symbol)
          sent.push({ sentMs: Date.now(), startMs: eventTimeMs - (eventTimeMs % WINDOW_MS) });
    },
    async open(origin) {
      await page.goto(`${origin}/`);
      await page.getByText('Live', { exact: true }).waitFor({ timeout: 60_000 });
      // The busiest of the list is what is shown first; its name is in the address.
      place = { origin, symbol: decodeURIComponent(/\/market\/[^/]+\/([^/]+)/.exec(page.url())?.[1] ?? '') };
    },
    async start() {
      await session.send('Performance.enable');
      streamed = listenToCandles(place.origin, place.symbol, listening.signal);
      await page.evaluate(watchChart);
      if (profile !== null) {
        await session.send('Profiler.enable');
        await session.send('Profiler.start');
      }
      startedMs = performance.now();
      await sample();
    },
    async look() {
      drawn.push(...(await page.evaluate(takeDrawn)));
      if (performance.now() - startedMs < samples.length * SAMPLE_MS) return;
      await sample();
      say(progressLine(samples));
    },
    async report() {
      await sample();
      const seen = newestTrades(streamed, sent);
      const [first, last] = [samples[0], samples.at(-1)];
      if (first === undefined || last === undefined) throw new Error('The page was not measured');
      const seconds = last.atSeconds - first.atSeconds;
      const shareOf = (of: (sample: PageSample) => number): number => (of(last) - of(first)) / seconds;
      return {
        symbol: place.symbol,
        mainThreadShare: shareOf(({ cpuSeconds }) => cpuSeconds),
        mainThreadBusyShare: shareOf(({ busySeconds }) => busySeconds),
        chromiumShare: shareOf(({ chromiumSeconds }) => chromiumSeconds),
        heapGrowthMb: last.heapMb - first.heapMb,
        tradeToStreamMs: spreadOf(delaysToStream(seen)),
        tradeToChartMs: spreadOf(delaysToChart(seen, drawn)),
        errors,
        samples,
      };
    },
    async close() {
      listening.abort();
      if (profile !== null && startedMs > 0) {
        const { profile: taken } = await session.send('Profiler.stop');
        writeFileSync(resolve(REPO_ROOT, profile), JSON.stringify(taken));
      }
      await browser.close();
    },
  };
}

/** What is told of a page. */
export function pageLines(report: PageReport): readonly string[] {
  return [
    `The page: ${report.symbol} in the chart`,
    `Trade to stream: ${spreadText(report.tradeToStreamMs)}`,
    `Trade to chart:  ${spreadText(report.tradeToChartMs)}`,
    `Main thread busy, waiting for a core too: ${(report.mainThreadBusyShare * 100).toFixed(1)} %; CPU of all of Chromium: ${(report.chromiumShare * 100).toFixed(1)} % of a core`,
    ...targetLines([
      {
        what: 'main thread of the page',
        measured: report.mainThreadShare * 100,
        atMost: 30,
        unit: '% of a core',
      },
      { what: 'growth of its heap', measured: report.heapGrowthMb, atMost: 10, unit: 'MiB' },
      { what: 'trade to chart, p99', measured: report.tradeToChartMs.p99 / 1_000, atMost: 0.7, unit: 's' },
      { what: 'errors in the console', measured: report.errors.length, atMost: 0, unit: '' },
    ]),
  ];
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

function spreadOf(delays: readonly number[]): Spread {
  return { p50: quantile(delays, 0.5), p99: quantile(delays, 0.99), count: delays.length };
}

function spreadText({ p50, p99, count }: Spread): string {
  return `p50 ${(p50 / 1_000).toFixed(2)} s, p99 ${(p99 / 1_000).toFixed(2)} s of ${count} candles seen`;
}

function progressLine(samples: readonly PageSample[]): string {
  const [before, last] = samples.slice(-2);
  const busy = (last?.cpuSeconds ?? 0) - (before?.cpuSeconds ?? 0);
  const seconds = (last?.atSeconds ?? 0) - (before?.atSeconds ?? 0);
  return `  minute ${samples.length - 1} of the page: main thread ${((busy / seconds) * 100).toFixed(1)} %, heap ${last?.heapMb.toFixed(1)} MiB`;
}
