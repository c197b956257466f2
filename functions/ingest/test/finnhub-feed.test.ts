import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createFinnhubFeed, type FinnhubFeedOptions } from '../src/feed/finnhub/finnhub-feed.ts';
import { END_OF_RECORDING } from '../src/feed/line/web-socket-line.ts';

const TOKEN = 'secret/key';
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A server that speaks Finnhub's protocol; `refuse` answers the handshake with that status. */
async function startServer() {
  const http: Server = createServer();
  const server = new WebSocketServer({ noServer: true });
  const seen = {
    sockets: [] as WebSocket[],
    urls: [] as string[],
    subscribed: [] as string[][],
    handshakesAt: [] as number[],
    mostAtOnce: 0,
    refuse: 0,
  };
  http.on('upgrade', (request, socket, head) => {
    // A client that is refused cuts the line, sometimes before it has read the answer.
    socket.on('error', () => undefined);
    seen.handshakesAt.push(performance.now());
    seen.urls.push(request.url ?? '');
    if (seen.refuse > 0) {
      socket.end(`HTTP/1.1 ${seen.refuse} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    server.handleUpgrade(request, socket, head, (client) => {
      const symbols: string[] = [];
      seen.sockets.push(client);
      seen.subscribed.push(symbols);
      seen.mostAtOnce = Math.max(seen.mostAtOnce, server.clients.size);
      client.on('message', (data: Buffer) => symbols.push(JSON.parse(data.toString()).symbol));
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  cleanUps.push(() => {
    for (const client of server.clients) client.terminate();
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return { ...seen, seen, url: `ws://127.0.0.1:${port}/path?x=1` };
}

function startFeed(
  url: string,
  changes: Partial<FinnhubFeedOptions> = {},
  onAlive: () => void = () => undefined,
) {
  const events: string[] = [];
  const texts: string[] = [];
  const log = createLogger('test', 'silent');
  const errors = vi.spyOn(log, 'error');
  const warnings = vi.spyOn(log, 'warn');
  const feed = createFinnhubFeed(
    {
      url,
      token: () => TOKEN,
      symbols: ['AAPL', 'IC MARKETS:1'],
      subscriptions: [],
      maxFrameBytes: 1_048_576,
      hasStoodStill: () => false,
      mayBeSilent: () => false,
      muteMs: 300_000,
      isDataExpected: () => false,
      silenceMs: 5_000,
      reconnectMinMs: 10,
      reconnectMaxMs: 80,
      stableMs: 5_000,
      isReplay: false,
      random: () => 1,
      log,
      ...changes,
    },
    {
      onConnected: (connection, lost) => events.push(`connected ${connection} ${lost}`),
      onDisconnected: () => events.push('disconnected'),
      onWaiting: () => undefined,
      onAlive,
      onStandstill: () => events.push('standstill'),
      onFrame(frame, text) {
        if (text !== '') texts.push(text);
        else if (frame.kind === 'bad') events.push(`bad: ${frame.detail}`);
        if (frame.kind === 'refused') events.push('refused');
      },
      onEnd: () => events.push('end'),
    },
  );
  feed.start();
  cleanUps.push(() => feed.stop(false));
  return { feed, events, texts, errors, warnings };
}

test('subscribes to every symbol with its key in the address, and again after each reconnect with the key of then', async () => {
  const server = await startServer();
  let token = TOKEN;
  const { events } = startFeed(server.url, { token: () => token });
  await vi.waitFor(() => expect(server.seen.subscribed[0]).toEqual(['AAPL', 'IC MARKETS:1']));
  expect(server.seen.urls[0]).toBe(`/path?x=1&token=${encodeURIComponent(TOKEN)}`);
  token = 'another';
  server.seen.sockets[0]?.terminate();
  await vi.waitFor(() => expect(server.seen.subscribed[1]).toEqual(['AAPL', 'IC MARKETS:1']));
  expect(server.seen.urls[1]).toBe('/path?x=1&token=another');
  expect(events).toEqual(['connected 1 null', 'disconnected', 'connected 2 disconnected']);
});

test('tells every text frame in order, and what is no text as a bad frame', async () => {
  const server = await startServer();
  const { events, texts } = startFeed(server.url);
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  const frames = [
    '{"type":"ping"}',
    JSON.stringify({ type: 'trade', data: Array.from({ length: 707 }, () => ({ s: 'AAPL' })) }),
    'garbage',
  ];
  for (const frame of frames) server.seen.sockets[0]?.send(frame);
  server.seen.sockets[0]?.send(Buffer.from([1, 2]));
  await vi.waitFor(() => expect(events).toContain('bad: binary frame'));
  expect(texts).toEqual(frames);
});

test('takes a frame as long as it may be, passes over one that is longer, and goes on', async () => {
  const server = await startServer();
  const { events, texts } = startFeed(server.url);
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  for (const bytes of [1_048_576, 1_048_577, 4_194_304, 1]) {
    server.seen.sockets[0]?.send('1'.repeat(bytes));
  }
  await vi.waitFor(() => expect(texts).toHaveLength(4));
  expect(texts.map(({ length }) => length)).toEqual([1_048_576, 1_048_577, 4_194_304, 1]);
  expect(events).toEqual(['connected 1 null', 'refused', 'refused']);
});

test('reconnects after a frame that is too long to be received, and says why', async () => {
  const server = await startServer();
  const { events } = startFeed(server.url);
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  server.seen.sockets[0]?.send('x'.repeat(4_194_305));
  await vi.waitFor(() => expect(events).toContain('connected 2 frame_refused'));
  expect(events[1]).toMatch(/^bad: .*payload/i);
});

test('asks after a standstill whether the line has outlasted it, and takes nothing before the answer as a sign of life', async () => {
  const server = await startServer();
  const still = { isTrue: false };
  const hasStoodStill = (): boolean => {
    const { isTrue } = still;
    still.isTrue = false;
    return isTrue;
  };
  const alive = vi.fn();
  const order: string[] = [];
  const { events, texts } = startFeed(server.url, { hasStoodStill }, () => {
    alive();
    order.push(`alive after ${texts.length}`);
  });
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  const pings = vi.fn();
  server.seen.sockets[0]?.on('ping', pings);
  alive.mockClear();
  order.length = 0;
  still.isTrue = true;
  server.seen.sockets[0]?.send('{"old":1}');
  await vi.waitFor(() => expect(alive).toHaveBeenCalled());
  // The frame came first, but only the answer counted.
  expect(order).toEqual(['alive after 1']);
  expect(events).toEqual(['connected 1 null', 'standstill']);
  expect(pings).toHaveBeenCalledTimes(1);
});

test('replaces a silent connection, and never has two at once', async () => {
  const server = await startServer();
  const { events } = startFeed(server.url, { silenceMs: 100 });
  await vi.waitFor(
    () => expect(events.filter((event) => event.startsWith('connected'))).toHaveLength(3),
    3_000,
  );
  expect(events[2]).toBe('connected 2 silent');
  expect(server.seen.mostAtOnce).toBe(1);
});

test('takes any frame as a sign of life, a protocol ping too', async () => {
  const server = await startServer();
  const { events } = startFeed(server.url, { silenceMs: 150 });
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  for (let n = 0; n < 10; n++) {
    server.seen.sockets[0]?.ping();
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
  expect(events).toEqual(['connected 1 null']);
});

test('backs off further with each connection that does not hold, up to the cap', async () => {
  const server = await startServer();
  const { warnings } = startFeed(server.url);
  for (let n = 0; n < 6; n++) {
    await vi.waitFor(() => expect(server.seen.sockets.length).toBeGreaterThan(n));
    server.seen.sockets[n]?.close(1011);
  }
  await vi.waitFor(() => expect(warnings).toHaveBeenCalledTimes(6));
  expect(warnings.mock.calls.map(([fields]) => Object(fields).waitMs)).toEqual([10, 20, 40, 80, 80, 80]);
});

test('begins the back-off anew, when a connection has held', async () => {
  const server = await startServer();
  const { warnings } = startFeed(server.url, { stableMs: 30 });
  for (let n = 0; n < 3; n++) {
    await vi.waitFor(() => expect(server.seen.sockets.length).toBeGreaterThan(n));
    await new Promise((resolve) => setTimeout(resolve, 80));
    server.seen.sockets[n]?.terminate();
  }
  await vi.waitFor(() => expect(warnings).toHaveBeenCalledTimes(3));
  expect(warnings.mock.calls.map(([fields]) => Object(fields).waitMs)).toEqual([10, 10, 10]);
});

test.each([401, 403, 429])(
  'waits longest and says why, when the handshake is refused with %d',
  async (status) => {
    const server = await startServer();
    server.seen.refuse = status;
    const { errors, events } = startFeed(server.url, { reconnectMaxMs: 200, random: () => 0 });
    await vi.waitFor(() => expect(server.seen.handshakesAt.length).toBe(2), 2_000);
    const [first = 0, second = 0] = server.seen.handshakesAt;
    expect(second - first).toBeGreaterThanOrEqual(190);
    expect(String(errors.mock.calls[0]?.[1])).toMatch(/key/);
    expect(JSON.stringify(errors.mock.calls)).not.toContain(TOKEN);
    expect(events).toEqual([]);
  },
);

test('keeps trying, when there is no server, and never logs its key', async () => {
  const { warnings } = startFeed('ws://127.0.0.1:9');
  await vi.waitFor(() => expect(warnings.mock.calls.length).toBeGreaterThan(2));
  expect(JSON.stringify(warnings.mock.calls)).not.toContain(TOKEN);
});

test('ends with the recording in a replay, and only there', async () => {
  const server = await startServer();
  const replay = startFeed(server.url, { isReplay: true });
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  server.seen.sockets[0]?.close(1000, END_OF_RECORDING);
  await vi.waitFor(() => expect(replay.events).toEqual(['connected 1 null', 'disconnected', 'end']));

  const live = startFeed(server.url);
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(2));
  server.seen.sockets[1]?.close(1000, END_OF_RECORDING);
  await vi.waitFor(() => expect(live.events).toContain('connected 2 disconnected'));
  expect(server.seen.sockets).toHaveLength(3);
});

test('holds the socket back while paused, and loses nothing', async () => {
  const server = await startServer();
  const { feed, texts, events } = startFeed(server.url, { silenceMs: 100 });
  await vi.waitFor(() => expect(server.seen.sockets).toHaveLength(1));
  feed.pause();
  const frames = Array.from({ length: 20 }, (_, n) => `{"n":${n}}`);
  for (const frame of frames) server.seen.sockets[0]?.send(frame);
  await new Promise((resolve) => setTimeout(resolve, 250));
  expect(texts).toEqual([]);
  feed.resume();
  await vi.waitFor(() => expect(texts).toEqual(frames));
  expect(events).toEqual(['connected 1 null']);
});

test('stop() says goodbye if asked to, and never reconnects', async () => {
  const server = await startServer();
  const { feed, events } = startFeed(server.url);
  // The server has a socket a moment before the client knows that it is open.
  await vi.waitFor(() => expect(events).toEqual(['connected 1 null']));
  const [socket] = server.seen.sockets;
  const closed = socket === undefined ? Promise.resolve([0]) : once(socket, 'close');
  await feed.stop(true);
  expect((await closed)[0]).toBe(1000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(server.seen.sockets).toHaveLength(1);
});
