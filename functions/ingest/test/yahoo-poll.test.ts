import { startYahooPollServer } from '@kandle/feeds/yahoo/poll-server';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createLogger } from '@kandle/runtime/log';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createFeed } from '../src/feed/create-feed.ts';

const AT = 1_764_000_000_000;

async function start(changes: Readonly<Record<string, string>> = {}) {
  const server = await startYahooPollServer({
    port: 0,
    last: (symbol) => (symbol === 'GONE' ? undefined : { symbol, price: 100.25, atMs: AT, dayVolume: 1_000 }),
  });
  const begin = () => {
    const frames: FeedFrame[] = [];
    const events: string[] = [];
    const waits: [words: string, waitMs: number][] = [];
    const config = readConfig({
      VENDOR: 'yahoo-poll',
      SYMBOLS: 'AAPL,^GSPC,GONE',
      FEED_URL: server.url,
      YAHOO_COOKIE_URL: server.url,
      POLL_MS: '5',
      RECONNECT_MIN_MS: '5',
      RECONNECT_MAX_MS: '20',
      ...changes,
    });
    const feed = createFeed(
      config,
      {
        onConnected: (connection, lost) => events.push(`connected ${connection} ${lost}`),
        onDisconnected: () => events.push('disconnected'),
        onWaiting: (words, waitMs) => waits.push([words, waitMs]),
        onAlive: () => undefined,
        onStandstill: () => undefined,
        onFrame: (frame) => frames.push(frame),
        onEnd: () => undefined,
      },
      {
        symbols: ['AAPL', '^GSPC', 'GONE'],
        moments: { hasStoodStill: () => false },
        log: createLogger('test', 'silent'),
      },
    );
    feed.start();
    onTestFinished(async () => {
      await feed.stop(true);
      await server.close();
    });
    const looks = () => frames.flatMap((frame) => (frame.kind === 'trade' ? frame.entries : []));
    return { frames, events, waits, looks };
  };
  return { server, begin };
}

const LOOKS = ['AAPL', '^GSPC'].map((s) => ({ s, p: 100.25, t: AT, dv: 1_000 }));
const UNKNOWN = {
  kind: 'subscribed',
  refused: [{ symbol: 'GONE', reason: 'Yahoo has no price of it' }],
};

test.each(['quotes', 'charts'])(
  '%s bring a look at each symbol, and name the one that is unknown once',
  async (by) => {
    const { begin } = await start({ POLL_BY: by });
    const { looks, frames, events } = begin();
    await vi.waitFor(() => expect(looks().length).toBeGreaterThanOrEqual(6));
    expect(looks().slice(0, 2)).toEqual(LOOKS);
    expect(frames.filter(({ kind }) => kind === 'subscribed')).toEqual([UNKNOWN]);
    expect(events).toEqual(['connected 1 null']);
  },
);

test('a crumb that is not taken any more is replaced, without a gap', async () => {
  const { server, begin } = await start();
  const { looks, events } = begin();
  await vi.waitFor(() => expect(looks().length).toBeGreaterThan(0));
  server.forgetCrumb();
  const { length } = looks();
  await vi.waitFor(() => expect(looks().length).toBeGreaterThan(length));
  expect(server.greetings()).toBe(2);
  expect(events).toEqual(['connected 1 null']);
});

test('"Too Many Requests" in the place of a crumb is none: a pause of minutes, half of it chance, and longer each time', async () => {
  const { server, begin } = await start();
  server.garbleCrumb(true);
  const { waits, events } = begin();
  await vi.waitFor(() => expect(waits).toHaveLength(1));
  const [words, waitMs] = waits[0] ?? ['', 0];
  expect(words).toBe('Yahoo has had too many requests from this address');
  expect(waitMs).toBeGreaterThanOrEqual(120_000);
  expect(waitMs).toBeLessThanOrEqual(240_000);
  expect(events).toEqual([]);
  // A cookie, a crumb, and nothing after that.
  expect(server.requests()).toBe(2);
});

test('a 429 in the middle ends the connection for minutes', async () => {
  const { server, begin } = await start();
  const { looks, waits, events } = begin();
  await vi.waitFor(() => expect(looks().length).toBeGreaterThan(0));
  server.refuse(429);
  await vi.waitFor(() => expect(waits).toHaveLength(1));
  expect(waits[0]?.[1]).toBeGreaterThanOrEqual(120_000);
  expect(events).toEqual(['connected 1 null', 'disconnected']);
});

test('an error of the server ends the connection, and the next one is tried soon', async () => {
  const { server, begin } = await start();
  const { looks, waits, events } = begin();
  await vi.waitFor(() => expect(looks().length).toBeGreaterThan(0));
  server.refuse(503);
  await vi.waitFor(() => expect(waits.length).toBeGreaterThan(1));
  expect(waits[0]).toEqual(['HTTP 503', expect.any(Number)]);
  server.refuse(null);
  await vi.waitFor(() => expect(events).toContain('connected 2 disconnected'));
});
