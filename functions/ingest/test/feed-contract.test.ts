import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createFeed } from '../src/feed/create-feed.ts';
import { VENDOR_SERVERS, type VendorServer } from './vendor-servers.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** What every feed does, whoever the vendor: against a server that speaks the vendor's protocol. */
describe.each(Object.entries(VENDOR_SERVERS))('the feed of %s', (_, startServer) => {
  async function start(changes: Readonly<Record<string, string>> = {}) {
    const server = await startServer();
    cleanUps.push(() => server.close());
    return { server, ...startFeed(server, changes) };
  }

  function startFeed(server: VendorServer, changes: Readonly<Record<string, string>>) {
    const events: string[] = [];
    const frames: FeedFrame[] = [];
    const waits: [words: string, waitMs: number][] = [];
    const log = createLogger('test', 'silent');
    const logged = (['info', 'warn', 'error'] as const).map((level) => vi.spyOn(log, level));
    const times = { RECONNECT_MIN_MS: '10', RECONNECT_MAX_MS: '200', STABLE_MS: '5000' };
    const config = readConfig({ ...server.env, ...times, ...changes });
    const feed = createFeed(
      config,
      {
        onConnected: (connection, lost) => events.push(`connected ${connection} ${lost}`),
        onDisconnected: () => events.push('disconnected'),
        onWaiting: (words, waitMs) => waits.push([words, waitMs]),
        onAlive: () => undefined,
        onStandstill: () => undefined,
        onFrame: (frame) => frames.push(frame),
        onEnd: () => events.push('end'),
      },
      { symbols: ['AAPL', 'MSFT'], moments: { hasStoodStill: () => false }, log },
    );
    feed.start();
    cleanUps.push(() => feed.stop(false));
    const entries = () => frames.flatMap((frame) => (frame.kind === 'trade' ? frame.entries : []));
    const kinds = () => frames.map(({ kind }) => kind).filter((kind) => kind !== 'subscribed');
    const shown = () => JSON.stringify([logged.map(({ mock }) => mock.calls), waits, frames]);
    return { feed, events, frames, waits, entries, kinds, shown };
  }

  const connected = (server: VendorServer) =>
    vi.waitFor(() => expect(server.clients()).toBe(1), { timeout: 5_000 });

  test('tells every entry once, in order', async () => {
    const { server, entries } = await start();
    await connected(server);
    for (let n = 0; n < 200; n++) server.send(server.frame(n));
    await vi.waitFor(() => expect(entries()).toHaveLength(200));
    expect(entries().map((entry) => Object(entry).p)).toEqual(Array.from({ length: 200 }, (_, n) => 100 + n));
  });

  test('tells a frame that comes again, again, and one that is out of order as it comes: who numbers them decides', async () => {
    const { server, entries } = await start();
    await connected(server);
    for (const n of [5, 5, 3]) server.send(server.frame(n));
    await vi.waitFor(() => expect(entries().map((entry) => Object(entry).p)).toEqual([105, 105, 103]));
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

  test('waits longer each time it is let in and put out again', async () => {
    const server = await startServer();
    cleanUps.push(() => server.close());
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
      cleanUps.push(() => server.close());
      if (server.refuse === null) return;
      server.refuse(status);
      const { waits, events, shown } = startFeed(server, {});
      await vi.waitFor(() => expect(waits).toHaveLength(2));
      const isPause = status === 429 && server.pausedMs !== undefined;
      expect(waits[0]?.[1]).toBeGreaterThanOrEqual(isPause ? (server.pausedMs ?? 0) : 200);
      expect(waits[0]?.[1]).toBeLessThanOrEqual(200);
      expect(waits[0]?.[0]).toMatch(/[a-z]{4}/);
      expect(events).toEqual([]);
      server.refuse(null);
      await vi.waitFor(() => expect(events).toEqual(['connected 1 null']));
      expect(shown()).not.toContain('secret/key');
      expect(shown()).not.toContain(encodeURIComponent('secret/key'));
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
