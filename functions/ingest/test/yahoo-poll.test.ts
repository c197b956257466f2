import { startYahooPollServer } from '@kandle/feeds/yahoo/poll-server';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runFeed } from './running-feed.ts';

const AT = 1_764_000_000_000;
const SYMBOLS = ['AAPL', '^GSPC', 'GONE'];

/** The server, and how a feed of it is begun. */
async function start(changes: Readonly<Record<string, string>> = {}) {
  const server = await startYahooPollServer({
    port: 0,
    last: (symbol) => (symbol === 'GONE' ? undefined : { symbol, price: 100.25, atMs: AT, dayVolume: 1_000 }),
  });
  onTestFinished(() => server.close());
  const begin = () =>
    runFeed(
      {
        VENDOR: 'yahoo-poll',
        SYMBOLS: SYMBOLS.join(','),
        FEED_URL: server.url,
        YAHOO_COOKIE_URL: server.url,
        POLL_MS: '5',
        ...changes,
      },
      SYMBOLS,
    );
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
    const { entries, frames, events } = begin();
    await vi.waitFor(() => expect(entries().length).toBeGreaterThanOrEqual(6));
    expect(entries().slice(0, 2)).toEqual(LOOKS);
    expect(frames.filter(({ kind }) => kind === 'subscribed')).toEqual([UNKNOWN]);
    expect(events).toEqual(['connected 1 null']);
  },
);

test('a crumb that is not taken any more is replaced, without a gap', async () => {
  const { server, begin } = await start();
  const { entries, events } = begin();
  await vi.waitFor(() => expect(entries().length).toBeGreaterThan(0));
  server.forgetCrumb();
  const { length } = entries();
  await vi.waitFor(() => expect(entries().length).toBeGreaterThan(length));
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
  const { entries, waits, events } = begin();
  await vi.waitFor(() => expect(entries().length).toBeGreaterThan(0));
  server.refuse(429);
  await vi.waitFor(() => expect(waits).toHaveLength(1));
  expect(waits[0]?.[1]).toBeGreaterThanOrEqual(120_000);
  expect(events).toEqual(['connected 1 null', 'disconnected']);
});

test('an error of the server ends the connection, and the next one is tried soon', async () => {
  const { server, begin } = await start();
  const { entries, waits, events } = begin();
  await vi.waitFor(() => expect(entries().length).toBeGreaterThan(0));
  server.refuse(503);
  await vi.waitFor(() => expect(waits.length).toBeGreaterThan(1));
  expect(waits[0]).toEqual(['HTTP 503', expect.any(Number)]);
  server.refuse(null);
  await vi.waitFor(() => expect(events).toContain('connected 2 disconnected'));
});
