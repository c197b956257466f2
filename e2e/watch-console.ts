import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { launchChromium } from '@kandle/console/chromium';
import type { PlainCandle } from './recording.ts';

/** A candle as the chart holds it. */
export interface Bar {
  readonly startMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** What the console's charts held, by symbol, and what the pages reported as an error. */
export interface Drawn {
  readonly atTheEnd: Readonly<Record<string, readonly Bar[]>>;
  readonly readAgain: Readonly<Record<string, readonly Bar[]>>;
  readonly errors: readonly string[];
}

type Browser = Awaited<ReturnType<typeof launchChromium>>;
type Page = Awaited<ReturnType<Browser['newPage']>>;

const WAIT_MS = 120_000;

/** The bars that are expected of candles, by symbol. */
export function barsOf(candles: readonly PlainCandle[]): Readonly<Record<string, readonly Bar[]>> {
  const bars: Record<string, Bar[]> = {};
  for (const { symbol, startMs, open, high, low, close } of candles)
    (bars[symbol] ??= []).push({ startMs, open, high, low, close });
  return bars;
}

/** The console of a run, a page for each symbol. */
export interface ConsoleWatch {
  /** Opens the pages: best while there is little to draw yet. */
  open(): Promise<void>;
  /**
   * Waits until the charts hold what is expected, loads the pages anew, and tells what was drawn both times.
   * What is not as expected after two minutes is told as it is.
   */
  end(): Promise<Drawn>;
}

/** Starts a browser for the console at a URL. */
export async function watchConsole(
  url: string,
  feed: string,
  expected: Readonly<Record<string, readonly Bar[]>>,
): Promise<ConsoleWatch> {
  const browser = await launchChromium();
  const errors: string[] = [];

  async function open(symbol: string): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      // That there is no such symbol yet is told by the browser itself; the page says it in its own words.
      const isNetwork = /Failed to load resource/.test(message.text());
      if (message.type() === 'error' && !isNetwork) errors.push(message.text());
    });
    await page.goto(`${url}#/${['market', feed, symbol, '5s'].map(encodeURIComponent).join('/')}`);
    return page;
  }

  async function drawn(page: Page, symbol: string): Promise<readonly Bar[]> {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      const bars = await page.evaluate(() => {
        const { kandle } = globalThis as unknown as {
          kandle: { drawn: () => readonly (Omit<Bar, 'startMs'> & { time: number })[] };
        };
        return kandle
          .drawn()
          .map(({ time, open, high, low, close }) => ({ startMs: time * 1_000, open, high, low, close }));
      });
      if (isDeepStrictEqual(bars, expected[symbol]) || performance.now() > deadline) return bars;
      await sleep(100);
    }
  }

  const pages = new Map<string, Page>();
  const drawnInAll = async () =>
    Object.fromEntries(
      await Promise.all(
        [...pages].map(async ([symbol, page]) => [symbol, await drawn(page, symbol)] as const),
      ),
    );
  return {
    async open() {
      for (const symbol of Object.keys(expected)) pages.set(symbol, await open(symbol));
    },
    async end() {
      try {
        const atTheEnd = await drawnInAll();
        await Promise.all([...pages.values()].map((page) => page.reload()));
        return { atTheEnd, readAgain: await drawnInAll(), errors };
      } finally {
        await browser.close();
      }
    },
  };
}
