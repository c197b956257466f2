import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { axeFindings, launchChromium, NO_CHROMIUM } from './chromium.ts';
import { SERIES, useSmallMarket } from './small-market.ts';

/** What a candle looks like in the chart and in the interface's answer. */
interface Bar {
  readonly start: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

const BEGIN = Math.floor(Date.now() / 5_000) * 5_000 - 300_000;
/** The n-th window. */
const at = (n: number): number => BEGIN + n * 5_000;
/** Windows that hold a candle from the beginning; the fourth is empty. */
const WINDOWS = [0, 1, 2, 4, 5];
/** `npm run test:long` takes three minutes, and kills every twenty seconds. */
const KILL_SECONDS = Number(process.env['KILL_SECONDS'] ?? 6);
const KILL_EVERY_MS = KILL_SECONDS < 60 ? 4_000 : 20_000;
const WAIT = { timeout: 40_000, interval: 250 };

describe.skipIf(NO_CHROMIUM !== null)(`the market in Chromium${NO_CHROMIUM ?? ''}`, () => {
  const market = useSmallMarket('console');
  let browser: Browser | null = null;

  beforeAll(async () => {
    browser = await launchChromium();
    await market.tellTrade(at(5) + 100, 105);
    for (const n of WINDOWS) await market.tellCandle({ start: at(n), version: 2, close: 100 + n });
  });

  afterAll(async () => {
    await browser?.close();
  });

  /** Opens the page; what it reports as an error, and which hosts it asks, is kept. */
  async function openPage(options: Parameters<Browser['newPage']>[0] = {}) {
    if (browser === null) throw new Error('there is no browser yet');
    const page = await browser.newPage({ viewport: { width: 1_280, height: 800 }, ...options });
    onTestFinished(() => page.close());
    const errors: string[] = [];
    const hosts = new Set<string>();
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      // A server that is away is told by the browser itself; the page says it in its own words.
      const isNetwork = /Failed to load resource|net::ERR_/.test(message.text());
      if (message.type() === 'error' && !isNetwork) errors.push(message.text());
    });
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    await page.goto(market.url());
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    await expectDrawnAsAnswered(page);
    return { page, errors, hosts };
  }

  async function drawn(page: Page): Promise<readonly Bar[]> {
    return page.evaluate(() => {
      const { kandle } = globalThis as unknown as {
        kandle: { drawn: () => readonly (Bar & { time: number })[] };
      };
      return kandle
        .drawn()
        .map(({ time, open, high, low, close }) => ({ start: time * 1_000, open, high, low, close }));
    });
  }

  async function answered(): Promise<readonly Bar[]> {
    const query = new URLSearchParams({ ...SERIES, from: String(BEGIN), to: String(BEGIN + 3_600_000) });
    const response = await fetch(`${market.url()}v1/candles?${query.toString()}`);
    const { rows } = (await response.json()) as { rows: readonly (Bar & { state: string })[] };
    return rows
      .filter(({ state }) => state !== 'void')
      .map(({ start, open, high, low, close }) => ({ start, open, high, low, close }));
  }

  async function expectDrawnAsAnswered(page: Page): Promise<readonly Bar[]> {
    let bars: readonly Bar[] = [];
    await vi.waitFor(async () => {
      bars = await drawn(page);
      expect(bars.length).toBeGreaterThan(0);
      expect(bars).toEqual(await answered());
    }, WAIT);
    return bars;
  }

  test('candles are drawn as answered, from this host only, and a late trade revises one that is drawn', async () => {
    const { page, errors, hosts } = await openPage();
    expect((await drawn(page)).map(({ start }) => start)).toEqual(expect.arrayContaining(WINDOWS.map(at)));
    await market.tellCandle({ start: at(1), version: 3, close: 150, state: 'revised' });
    await vi.waitFor(async () => {
      expect((await drawn(page)).find(({ start }) => start === at(1))?.close).toBe(150);
    }, WAIT);
    await expectDrawnAsAnswered(page);
    expect(errors).toEqual([]);
    expect([...hosts]).toEqual([new URL(market.url()).host]);
  });

  test('a late trade fills a window that was empty, between candles that are drawn', async () => {
    const { page, errors } = await openPage();
    expect((await drawn(page)).map(({ start }) => start)).not.toContain(at(3));
    await market.tellCandle({ start: at(3), version: 2, close: 103, state: 'revised' });
    await market.tellIndicator(at(3), 2, 103);
    await vi.waitFor(async () => {
      expect((await drawn(page)).map(({ start }) => start)).toContain(at(3));
    }, WAIT);
    const bars = await expectDrawnAsAnswered(page);
    expect(bars.map(({ start }) => start)).toEqual(bars.map(({ start }) => start).toSorted((a, b) => a - b));
    expect(errors).toEqual([]);
  });

  test('a candle that is voided goes', async () => {
    const { page, errors } = await openPage();
    await market.voidCandle(at(2), 9);
    await vi.waitFor(async () => {
      expect((await drawn(page)).map(({ start }) => start)).not.toContain(at(2));
    }, WAIT);
    await expectDrawnAsAnswered(page);
    expect(errors).toEqual([]);
  });

  test('running candles are drawn as they come, many a frame, and become final', async () => {
    const { page, errors } = await openPage();
    for (let version = 1; version <= 40; version++)
      await market.tellCandle({ start: at(6), version, close: 100 + version, state: 'provisional' });
    await market.tellCandle({ start: at(7), version: 1, close: 120, state: 'provisional' });
    await market.tellCandle({ start: at(6), version: 41, close: 141 });
    await vi.waitFor(async () => {
      const bars = await drawn(page);
      expect(bars.slice(-2).map(({ close }) => close)).toEqual([141, 120]);
    }, WAIT);
    await expectDrawnAsAnswered(page);
    expect(errors).toEqual([]);
  });

  test(`a server that is killed again and again, for ${KILL_SECONDS} s: the page says since when it is stale, and catches up without a reload`, {
    timeout: KILL_SECONDS * 1_000 + 120_000,
  }, async () => {
    const { page, errors } = await openPage();
    await page.evaluate(() => Object.assign(globalThis, { isSamePage: true }));
    const stale = page.getByText(/^Stale since \d\d:\d\d:\d\d$/);
    const endMs = performance.now() + KILL_SECONDS * 1_000;
    let kills = 0;
    const killing = (async () => {
      for (let dueMs = performance.now(); dueMs < endMs; dueMs += KILL_EVERY_MS) {
        await sleep(Math.max(0, dueMs - performance.now()));
        await market.stopServer();
        kills += 1;
        await stale.waitFor({ timeout: 30_000 });
        await market.tellCandle({ start: at(4), version: 2 + kills, close: 144 + kills, state: 'revised' });
        await market.startServer();
        await page.getByText('Live', { exact: true }).waitFor({ timeout: 40_000 });
      }
    })();
    let version = 0;
    let last = at(8);
    while (performance.now() < endMs) {
      last = at(8 + (Math.floor(version / 100) % 30));
      await market.tellCandle({ start: last, version: ++version, close: 100 + (version % 50) });
      await sleep(20);
    }
    await killing;
    await vi.waitFor(async () => {
      const bars = await drawn(page);
      expect(bars.find(({ start }) => start === last)?.close).toBe(100 + (version % 50));
      expect(bars.find(({ start }) => start === at(4))?.close).toBe(144 + kills);
    }, WAIT);
    await expectDrawnAsAnswered(page);
    expect(kills).toBeGreaterThanOrEqual(2);
    expect(await page.evaluate(() => 'isSamePage' in globalThis)).toBe(true);
    expect(errors).toEqual([]);
  });

  test('a page that was asleep says since when it is stale, and has what came meanwhile', async () => {
    const { page, errors } = await openPage();
    const session = await page.context().newCDPSession(page);
    await page.evaluate(() => {
      const states: string[] = [];
      const line = document.querySelector('.line');
      Object.assign(globalThis, { states });
      if (line !== null)
        new MutationObserver(() => states.push(line.textContent)).observe(line, {
          childList: true,
          subtree: true,
        });
    });
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await market.tellCandle({ start: at(49), version: 2, close: 109 });
    // Longer than the line may be silent.
    await new Promise((resolve) => setTimeout(resolve, 22_000));
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await vi.waitFor(async () => {
      expect((await drawn(page)).find(({ start }) => start === at(49))?.close).toBe(109);
    }, WAIT);
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 40_000 });
    await expectDrawnAsAnswered(page);
    expect(errors).toEqual([]);
  });

  test('a page that is hidden for minutes lets the server sleep, and catches up when it is seen again', async () => {
    const { page, errors } = await openPage();
    await page.clock.install();
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    const hide = (isHidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, isHidden);
    await hide(true);
    await page.clock.fastForward('03:00');
    await page.getByText(/^Stale since \d\d:\d\d:\d\d$/).waitFor({ timeout: 30_000 });
    await market.tellCandle({ start: at(50), version: 2, close: 110 });
    await hide(false);
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 30_000 });
    await vi.waitFor(async () => {
      expect((await drawn(page)).find(({ start }) => start === at(50))?.close).toBe(110);
    }, WAIT);
    expect(errors).toEqual([]);
  });

  test('what the stream could not hold any more is read again: candles, lines, signals and gaps', async () => {
    const { page, errors } = await openPage();
    await page.route('**/v1/stream**', (route) =>
      route.fulfill({
        contentType: 'text/event-stream',
        body: 'event: begin\ndata: {}\n\nevent: missed\ndata: {}\n\n',
      }),
    );
    const asked = new Set<string>();
    page.on('request', (request) => asked.add(new URL(request.url()).pathname));
    await page.evaluate(() => dispatchEvent(new Event('online')));
    const expected = ['/v1/candles', '/v1/gaps', '/v1/indicators', '/v1/signals'];
    await vi.waitFor(() => expect([...asked]).toEqual(expect.arrayContaining(expected)), WAIT);
    expect(errors).toEqual([]);
  });

  test('where no launcher is, the pages of the pipeline and of the data say so', async () => {
    const { page, errors } = await openPage();
    for (const name of ['Pipeline', 'Data']) {
      await page.getByRole('link', { name, exact: true }).click();
      await page
        .locator(`section[aria-label="${name}"]`)
        .getByText(/npm start/)
        .waitFor();
    }
    expect(errors).toEqual([]);
  });

  test('another time zone changes the words and not the times', async () => {
    const { page } = await openPage({ timezoneId: 'America/New_York' });
    const before = await drawn(page);
    const words = () => page.locator('.legend .when').textContent();
    const inNewYork = await words();
    await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
    await vi.waitFor(async () => expect(await words()).not.toBe(inNewYork), WAIT);
    expect(await words()).toMatch(/:\d\d:\d\d$/);
    expect(await drawn(page)).toEqual(before);
  });

  test('a symbol is called by what its vendor lists it as', async () => {
    await market.client.execute(
      "INSERT INTO instruments (feed, ticker, valid_from, description, market, currency, type, status, id, figi, isin, list, absences, changed_at) VALUES (?, ?, 0, 'Bitcoin', 'COIN', 'USD', 'crypto', 'active', '', '', '', '', 0, 0)",
      [SERIES.feed, SERIES.symbol],
    );
    const { page, errors } = await openPage();
    await page.locator('.symbols .kind', { hasText: 'Bitcoin' }).waitFor({ timeout: 30_000 });
    expect(await page.locator('.symbols button').getAttribute('title')).toBe(
      `${SERIES.symbol} of sim: Bitcoin (COIN, USD, crypto)`,
    );
    expect(errors).toEqual([]);
  });

  test('a symbol of two feeds says of which, and what has long been quiet stands last and is not chosen', async () => {
    const other = { ...SERIES, feed: 'another' };
    const key = [other.feed, other.symbol];
    await market.tellTrade(Date.now(), 105);
    await market.client.execute(
      'INSERT INTO latest (feed, symbol, time, price, size) VALUES (?, ?, ?, 90, 1)',
      [...key, new Date(BEGIN - 900_000)],
      { prepare: true },
    );
    onTestFinished(async () => {
      await market.client.execute('DELETE FROM latest WHERE feed = ? AND symbol = ?', key);
    });
    const { page, errors } = await openPage();
    const feeds = page.locator('.symbols .feed:not(:empty)');
    await feeds.nth(1).waitFor();
    expect(await feeds.allTextContents()).toEqual([SERIES.feed, other.feed]);
    expect(await page.locator('.symbols [aria-current] .feed').textContent()).toBe(SERIES.feed);
    expect(errors).toEqual([]);
  });

  test('the candle under the pointer is explained, by keys too', async () => {
    const { page, errors } = await openPage();
    await page.locator('.canvas').focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await page.locator('.explain h3', { hasText: 'Versions' }).waitFor({ timeout: 30_000 });
    await page.keyboard.press('Escape');
    await page.locator('.explain').waitFor({ state: 'hidden' });
    expect(errors).toEqual([]);
  });

  test.each([
    ['light', 1_280],
    ['dark', 1_280],
    ['light', 390],
    ['dark', 390],
  ] as const)('axe finds nothing, %s and %i wide', async (colorScheme, width) => {
    const { page } = await openPage({ colorScheme, viewport: { width, height: 844 } });
    expect(await axeFindings(page)).toEqual([]);
    // Nothing is wider than the page.
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  });
});
