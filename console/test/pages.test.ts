import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { axeFindings, launchChromium, NO_CHROMIUM } from './chromium.ts';
import { SYMBOL, useSmallRun } from './small-run.ts';

const WAIT = { timeout: 60_000 };
/** The beginning of a window that is over. */
const START = Math.floor(Date.now() / 5_000) * 5_000 - 60_000;

describe.skipIf(NO_CHROMIUM !== null)(`pipeline and data in Chromium${NO_CHROMIUM ?? ''}`, () => {
  const run = useSmallRun('pages');
  let browser: Browser | null = null;

  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
  });

  async function openPage(name: string, options: Parameters<Browser['newPage']>[0] = {}) {
    if (browser === null) throw new Error('there is no browser yet');
    const page = await browser.newPage({ viewport: { width: 1_280, height: 900 }, ...options });
    onTestFinished(() => page.close());
    const errors: string[] = [];
    page.on('pageerror', ({ message }) => errors.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') errors.push(message.text());
    });
    await page.goto(`${run.url()}#/${name}`);
    return { page, errors };
  }

  /** What the picture says of a function. */
  const boxOf = (page: Page, name: string) => page.locator('.flow .box', { hasText: name });
  const rowOf = (page: Page, name: string) => page.getByRole('row').filter({ hasText: name });

  test('a letter is inspected and sent again, its candle comes, and functions are seen to wake and to sleep', {
    timeout: 180_000,
  }, async () => {
    const { page, errors } = await openPage('pipeline');
    for (const name of ['transform', 'aggregate']) await boxOf(page, name).getByText('asleep').waitFor(WAIT);
    await page.getByText('There is none: every event was taken.').waitFor(WAIT);
    // The same topic as arrows to two functions: rows of trades are made of the raw batches.
    expect((await page.locator('.flow .topic').allTextContents()).toSorted()).toEqual([
      'candles',
      'candles',
      'raw',
      'raw',
      'signals',
      'signals',
      'trades',
    ]);

    run.setDatabase(false);
    await run.sendTrades(START + 1_000, [100, 103, 101], START + 1_000);
    await boxOf(page, 'transform').getByText('nothing waits').waitFor(WAIT);
    await page.locator('.flow .box:not(.asleep)', { hasText: 'aggregate' }).waitFor(WAIT);
    const letter = page.locator('details.letter');
    await letter.waitFor(WAIT);
    expect(await letter.locator('summary').textContent()).toMatch(/aggregate 503 · .+/);
    await letter.locator('summary').click();
    const [headers, content] = await Promise.all(
      ['Headers', 'Content'].map((name) => letter.getByLabel(name).textContent()),
    );
    expect(headers).toContain('ce_type: io.kandle.trades.v1');
    expect(headers).toContain('ce_knativeerrorcode: 503');
    expect(content).toContain(SYMBOL);

    run.setDatabase(true);
    await letter.getByRole('button', { name: 'Send it again' }).click();
    await page.getByRole('status').filter({ hasText: 'Sent 1 again' }).waitFor(WAIT);
    await letter.getByText('sent again', { exact: true }).waitFor(WAIT);
    expect(await letter.getByRole('button').count()).toBe(0);
    // The next trade closes the window.
    await run.sendTrades(START + 30_000, [110], START + 30_000);

    await page.getByRole('link', { name: 'Market' }).click();
    await page.waitForFunction(
      (start) => {
        const { kandle } = globalThis as unknown as {
          kandle: { drawn: () => readonly { time: number; high: number; close: number }[] };
        };
        return kandle
          .drawn()
          .some((bar) => bar.time * 1_000 === start && bar.high === 103 && bar.close === 101);
      },
      START,
      WAIT,
    );
    await page.getByRole('link', { name: 'Pipeline' }).click();
    await rowOf(page, 'transform').getByText('asleep').waitFor(WAIT);
    await page.locator('.flow .box.asleep', { hasText: 'transform' }).waitFor(WAIT);
    await page.locator('.flow .box.asleep', { hasText: 'aggregate' }).waitFor(WAIT);
    expect(errors).toEqual([]);
  });

  test('tables are shown with their columns, life and rows, and topics with their newest events and their headers', async () => {
    const { page, errors } = await openPage('data');
    await page.getByText('SELECT * FROM candles_5s LIMIT 50').waitFor(WAIT);
    // Under it the market has chosen its first symbol, which is no address of this page.
    await page.getByText('Live', { exact: true }).waitFor(WAIT);
    expect([new URL(page.url()).hash, await page.title()]).toEqual(['#/data', 'Data · Kandle']);
    expect(await page.getByRole('link', { name: 'Market' }).getAttribute('href')).toContain(
      encodeURIComponent(SYMBOL),
    );
    await page.getByRole('button', { name: /^latest.*1 row$/ }).click();
    await page.getByText(/^Rows live 400 days; /).waitFor(WAIT);
    const columns = page.getByRole('region', { name: 'Columns' });
    await columns.getByRole('cell', { name: 'partition key' }).waitFor(WAIT);
    await page.getByText('SELECT * FROM latest LIMIT 50').waitFor(WAIT);
    await page.getByRole('cell', { name: SYMBOL }).waitFor(WAIT);
    await page.getByRole('button', { name: new RegExp(`^${run.prefix}market\\.trades\\.v1`) }).click();
    const newest = page.locator('details.letter').first();
    await newest.locator('summary').click(WAIT);
    expect(await newest.getByLabel('Headers').textContent()).toContain('ce_type: io.kandle.trades.v1');
    expect(await newest.getByLabel('Value').textContent()).toContain(SYMBOL);
    expect(errors).toEqual([]);
  });

  test.each([
    ['light', 1_280],
    ['dark', 1_280],
    ['light', 390],
    ['dark', 390],
  ] as const)(
    'axe finds nothing on the pages of pipeline and data, %s and %i wide',
    async (colorScheme, width) => {
      const { page, errors } = await openPage('pipeline', { colorScheme, viewport: { width, height: 844 } });
      await page.locator('details.letter summary').first().click(WAIT);
      await page.getByLabel('Content').waitFor(WAIT);
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('link', { name: 'Data' }).click();
      if (width < 760) {
        await page.getByText(/^Tap a table/).waitFor(WAIT);
        expect(await axeFindings(page)).toEqual([]);
        await page.getByRole('button', { name: /^candles_5s/ }).click();
      }
      await page.getByText('SELECT * FROM candles_5s LIMIT 50').waitFor(WAIT);
      expect(await axeFindings(page)).toEqual([]);
      if (width < 760) {
        await page.getByRole('button', { name: 'All tables and topics' }).click();
        await page.getByRole('button', { name: /^candles_5s/ }).waitFor(WAIT);
      }
      // Nothing is wider than the page.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      expect(errors).toEqual([]);
    },
  );
});
