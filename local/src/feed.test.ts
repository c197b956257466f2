import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseStartOptions } from './cli-options.ts';
import { chooseFeed, type Feed } from './feed.ts';
import { StartError } from '@kandle/tooling/start-error';

const feeds: Feed[] = [];
afterEach(async () => {
  for (const feed of feeds.splice(0)) await feed.close();
});

async function choose(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  log: (line: string) => void = () => undefined,
): Promise<Feed> {
  const options = parseStartOptions(args);
  if (options === null) throw new RangeError('Help is no feed');
  const feed = await chooseFeed(options, env, log);
  feeds.push(feed);
  return feed;
}

test('chooseFeed() simulates a market under a feed name of its own, when there is neither key nor recording', async () => {
  const feed = await choose([], {});
  expect(feed).toMatchObject({ ends: false, tradeCount: null });
  expect(feed.simulator?.symbols).toEqual(feed.symbols);
  const [sim] = feed.envs;
  expect(sim).toMatchObject({ FEED: 'sim', SYMBOLS: feed.symbols.join(',') });
  expect(sim?.['FEED_URL']).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
});

test('chooseFeed() simulates a market that was asked for, even where there is a key', async () => {
  const feed = await choose(['--symbols', '3'], { FINNHUB_TOKEN: 'key', SYMBOLS: 'AAPL' });
  expect(feed.symbols).toHaveLength(3);
  expect(feed.envs.flatMap((env) => Object.values(env))).not.toContain('key');
});

test('chooseFeed() takes Finnhub, when there is a key', async () => {
  const feed = await choose([], { FINNHUB_TOKEN: 'key', SYMBOLS: 'AAPL, BINANCE:BTCUSDT' });
  expect(feed).toMatchObject({
    name: 'Finnhub',
    simulator: null,
    envs: [{ FINNHUB_TOKEN: 'key', SYMBOLS: 'AAPL,BINANCE:BTCUSDT' }],
  });
});

test('chooseFeed() takes the symbols of a file', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'kandle-feed-')), 'symbols');
  writeFileSync(file, 'AAPL\r\n\nMSFT\n');
  const feed = await choose([], { FINNHUB_TOKEN: 'key', SYMBOLS_FILE: file });
  expect(feed.symbols).toEqual(['AAPL', 'MSFT']);
  await expect(choose([], { FINNHUB_TOKEN: 'key', SYMBOLS_FILE: `${file}-not` })).rejects.toThrow(StartError);
});

test('chooseFeed() goes on with the others, when some of SYMBOLS is no symbol, and names it', async () => {
  const told: string[] = [];
  const env = { FINNHUB_TOKEN: 'key', SYMBOLS: 'AAPL,\u0007,MSFT' };
  const feed = await choose([], env, (line) => told.push(line));
  expect(feed.symbols).toEqual(['AAPL', 'MSFT']);
  expect(told).toEqual([expect.stringContaining('"\\u0007"')]);
});

test.each([
  [{ FINNHUB_TOKEN: 'key' }, 'SYMBOLS is not'],
  [{ SYMBOLS: 'AAPL' }, 'FINNHUB_TOKEN is not'],
  [{ FINNHUB_TOKEN: 'key', SYMBOLS: '\u0007, \u0000' }, 'nothing of it is a symbol'],
])('chooseFeed() refuses %j', async (env, message) => {
  await expect(choose([], env)).rejects.toThrow(StartError);
  await expect(choose([], env)).rejects.toThrow(message);
});

test('chooseFeed() starts a market for each vendor that is asked for, each a feed of its own', async () => {
  const feed = await choose(['--feed', 'twelvedata, yahoo,tcp,tcp-trades', '--symbols', '3'], {});
  expect(feed.envs.map(({ FEED, VENDOR }) => [FEED, VENDOR])).toEqual([
    ['sim-twelvedata', 'twelvedata'],
    ['sim-yahoo', 'yahoo'],
    ['sim-tcp', 'ndjson'],
    ['sim-tcp-trades', 'ndjson'],
  ]);
});
