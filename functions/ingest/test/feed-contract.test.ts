import type { VendorServer } from '@kandle/feeds/vendor/vendor-server';
import { VENDOR_SERVERS } from '@kandle/feeds/vendor/vendor-servers';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runFeed, type RunningFeed } from './running-feed.ts';

const AT = 1_764_000_000_000;

/** The n-th entry that a server sends. */
const look = (n: number) => ({ symbol: 'AAPL', price: 100 + n, atMs: AT + n * 1_000, dayVolume: 1_000 + n });

/** What every feed does, whoever the vendor: against a server that speaks the vendor's protocol. */
describe.each(Object.entries(VENDOR_SERVERS))('the feed of %s', (_, startVendor) => {
  async function startServer() {
    const server = await startVendor();
    onTestFinished(() => server.close());
    return { ...server, frame: (n: number) => server.frame(look(n)) };
  }

  async function start(changes: Readonly<Record<string, string>> = {}) {
    const server = await startServer();
    return { server, ...startFeed(server, changes) };
  }

  function startFeed(server: Pick<VendorServer, 'env'>, changes: Readonly<Record<string, string>> = {}) {
    const running = runFeed({ SYMBOLS: 'AAPL,MSFT', ...server.env, ...changes }, ['AAPL', 'MSFT']);
    return { ...running, kinds: () => kindsOf(running), prices: () => running.entries().map(({ p }) => p) };
  }

  const kindsOf = ({ frames }: RunningFeed) =>
    frames.map(({ kind }) => kind).filter((kind) => kind !== 'subscribed');

  const connected = (server: Pick<VendorServer, 'clients'>) =>
    vi.waitFor(() => expect(server.clients()).toBe(1), { timeout: 5_000 });

  test('tells every entry once, in order', async () => {
    const { server, prices } = await start();
    await connected(server);
    for (let n = 0; n < 200; n++) server.send(server.frame(n));
    await vi.waitFor(() => expect(prices()).toEqual(Array.from({ length: 200 }, (_, n) => 100 + n)), 10_000);
  });

  test('tells a frame that comes again, again, and one that is out of order as it comes: who numbers them decides', async () => {
    const { server, prices } = await start();
    await connected(server);
    for (const n of [5, 5, 3]) server.send(server.frame(n));
    await vi.waitFor(() => expect(prices()).toEqual([105, 105, 103]));
  });

  test('connects again when the line breaks, and says how it was lost', async () => {
    const { server, events, entries } = await start();
    await connected(server);
    server.send(server.frame(0));
    await vi.waitFor(() => expect(entries()).toHaveLength(1));
    server.cut();
    await vi.waitFor(() =>
      expect(events).toEqual(['connected 1 null', 'disconnected', 'connected 2 disconnected']),
    );
    await connected(server);
    server.send(server.frame(1));
    await vi.waitFor(() => expect(entries()).toHaveLength(2));
  });

  test('goes on after garbage, on the same line', async () => {
    const { server, events, kinds } = await start();
    await connected(server);
    const garbage = ['garbage', '{"half":', '[]', '{"type":1}', '\u{0}', '{"event":{}}'];
    for (const text of garbage) server.send(text);
    server.send(server.frame(0));
    await vi.waitFor(() => expect(kinds().at(-1)).toBe('trade'));
    expect(
      kinds()
        .slice(0, -1)
        .every((kind) => kind === 'bad' || kind === 'unknown'),
    ).toBe(true);
    expect(kinds()).toHaveLength(garbage.length + 1);
    expect(events).toEqual(['connected 1 null']);
  });

  test('tells nothing of a frame that is cut in its middle, and connects again', async () => {
    const { server, events, entries } = await start();
    await connected(server);
    server.cutWithin(server.frame(0));
    await vi.waitFor(() => expect(events).toContain('connected 2 disconnected'));
    expect(entries()).toEqual([]);
  });

  test('passes over a frame of 10 MB, and goes on', async () => {
    const { server, events, kinds } = await start();
    await connected(server);
    server.send('x'.repeat(10_485_760));
    server.send(server.frame(0));
    await vi.waitFor(() => expect(kinds()).toEqual(['refused', 'trade']), { timeout: 10_000 });
    expect(events).toEqual(['connected 1 null']);
  });

  test('takes a line on which nothing comes for a dead one, and has never two', async () => {
    const { server, events } = await start({ SILENCE_MS: '300' });
    await vi.waitFor(() => expect(events).toContain('connected 2 silent'), { timeout: 5_000 });
    expect(server.clients()).toBeLessThanOrEqual(1);
  });

  test('takes a line that is alive and brings nothing for a mute one, while a market is open', async () => {
    const { server, events } = await start({ MUTE_MS: '300', SILENCE_MS: '5000', MARKET_HOURS: 'always' });
    // One who is asked answers with its last looks: there is nothing else that it could say.
    if (server.env['VENDOR'] === 'yahoo-poll') return;
    await connected(server);
    const pulse = setInterval(() => server.pulse(), 50);
    onTestFinished(() => clearInterval(pulse));
    await vi.waitFor(() => expect(events).toContain('connected 2 mute'), { timeout: 5_000 });
  });

  test('waits longer each time it is let in and put out again', async () => {
    const server = await startServer();
    server.closeAtOnce(true);
    const { waits } = startFeed(server, { RECONNECT_MAX_MS: '2000' });
    await vi.waitFor(() => expect(waits.length).toBeGreaterThanOrEqual(5), { timeout: 10_000 });
    for (const [n, [, waitMs]] of waits.slice(0, 5).entries()) {
      expect(waitMs).toBeGreaterThanOrEqual((10 * 2 ** n) / 2);
      expect(waitMs).toBeLessThanOrEqual(10 * 2 ** n);
    }
  });

  test.each([401, 403, 429])(
    'waits longest when it is refused with %d, says why, and goes on when it is let in',
    async (status) => {
      const server = await startServer();
      if (server.refuse === null) return;
      server.refuse(status);
      const { waits, events, said } = startFeed(server);
      await vi.waitFor(() => expect(waits).toHaveLength(2));
      const isPause = status === 429 && server.pausedMs !== undefined;
      expect(waits[0]?.[1]).toBeGreaterThanOrEqual(isPause ? (server.pausedMs ?? 0) : 200);
      expect(waits[0]?.[1]).toBeLessThanOrEqual(200);
      expect(waits[0]?.[0]).toMatch(/[a-z]{4}/);
      expect(events).toEqual([]);
      server.refuse(null);
      await vi.waitFor(() => expect(events).toEqual(['connected 1 null']));
      expect(said()).not.toContain('secret/key');
      expect(said()).not.toContain(encodeURIComponent('secret/key'));
    },
  );

  test('holds back what it is sent while it is paused, and loses nothing', async () => {
    const { server, feed, entries, events } = await start({ SILENCE_MS: '500' });
    await connected(server);
    await vi.waitFor(() => expect(events).toHaveLength(1));
    feed.pause();
    for (let n = 0; n < 20; n++) server.send(server.frame(n));
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(entries()).toEqual([]);
    feed.resume();
    await vi.waitFor(() => expect(entries()).toHaveLength(20));
    expect(events).toEqual(['connected 1 null']);
  });

  test('ends when it is stopped, and does not come back', async () => {
    const { server, feed, events } = await start();
    await vi.waitFor(() => expect(events).toHaveLength(1));
    await feed.stop(true);
    await vi.waitFor(() => expect(server.clients()).toBe(0));
    const handshakes = server.handshakes();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(server.handshakes()).toBe(handshakes);
  });
});
