import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, expect, test, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createFeed } from '../src/feed/create-feed.ts';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A feed that listens, and what it tells. */
async function listen(changes: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const events: string[] = [];
  const frames: FeedFrame[] = [];
  const FEED_URL = `tcp-listen://127.0.0.1:${port}`;
  const feed = createFeed(
    readConfig({ VENDOR: 'ndjson', FEED_URL, NDJSON_MAPPING: 'trades', ...changes }),
    {
      onConnected: (connection, lost) => events.push(`connected ${connection} ${lost}`),
      onDisconnected: () => events.push('disconnected'),
      onWaiting: () => undefined,
      onAlive: () => undefined,
      onStandstill: () => undefined,
      onFrame: (frame) => frames.push(frame),
      onEnd: () => undefined,
    },
    { symbols: [], moments: { hasStoodStill: () => false }, log: createLogger('test', 'silent') },
  );
  feed.start();
  cleanUps.push(() => feed.stop(false));
  await vi.waitFor(async () => (await dial(port)).destroy());
  await vi.waitFor(() => expect(events.at(-1)).toBe('disconnected'));
  events.length = 0;
  const symbols = () =>
    frames.flatMap((frame) => (frame.kind === 'trade' ? frame.entries.map((entry) => Object(entry).s) : []));
  return { port, feed, events, frames, symbols };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  cleanUps.push(() => socket.destroy());
  return socket;
}

const line = (symbol: string) =>
  `${JSON.stringify({ type: 'trade', id: 1, symbol, price: 1, size: 1, time: '2026-11-29T10:00:00Z' })}\n`;

test('takes lines of any number of senders, however they are cut, and the last one without its end', async () => {
  const { port, events, symbols } = await listen();
  const [first, second] = [await dial(port), await dial(port)];
  const bytes = Buffer.from(line('€URO'));
  const cut = bytes.indexOf(0xe2) + 1;
  first.write(bytes.subarray(0, cut));
  second.write(line('B'));
  await vi.waitFor(() => expect(symbols()).toEqual(['B']));
  first.write(bytes.subarray(cut));
  await vi.waitFor(() => expect(symbols()).toEqual(['B', '€URO']));
  first.end(line('C').trimEnd());
  await vi.waitFor(() => expect(symbols()).toEqual(['B', '€URO', 'C']));
  second.destroy();
  await vi.waitFor(() => expect(events).toEqual(['connected 2 disconnected', 'disconnected']));
});

test('closes one who sends a byte now and then and never a line, and the others go on', async () => {
  const { port, symbols } = await listen({ SILENCE_MS: '1500' });
  const [slow, good] = [await dial(port), await dial(port)];
  const closed = once(slow, 'close');
  const drip = setInterval(() => slow.write('x'), 50);
  const speak = setInterval(() => good.write(line('GOOD')), 200);
  cleanUps.push(
    () => clearInterval(drip),
    () => clearInterval(speak),
  );
  await closed;
  const before = symbols().length;
  await vi.waitFor(() => expect(symbols().length).toBeGreaterThan(before + 2), 10_000);
  expect(good.destroyed).toBe(false);
});

test('passes over a line without an end, and holds no more of it than it may', async () => {
  const { port, frames, symbols } = await listen({ MAX_LINE_BYTES: '1024' });
  const sender = await dial(port);
  for (let n = 0; n < 200; n++) sender.write('x'.repeat(65_536));
  sender.write(`\n${line('AFTER')}`);
  await vi.waitFor(() => expect(symbols()).toEqual(['AFTER']), 10_000);
  expect(frames.filter(({ kind }) => kind === 'refused')).toHaveLength(1);
});

test('takes no more connections than it may, whoever comes: 10,000 of them cost little memory, and the first goes on', async () => {
  const { port, symbols } = await listen({ MAX_CONNECTIONS: '50' });
  const good = await dial(port);
  const speak = setInterval(() => good.write(line('GOOD')), 100);
  cleanUps.push(() => clearInterval(speak));
  await vi.waitFor(() => expect(symbols().length).toBeGreaterThan(0));
  globalThis.gc?.();
  const before = process.memoryUsage();
  let open = 0;
  for (let round = 0; round < 100; round++) {
    const sockets = Array.from({ length: 100 }, () => connect({ host: '127.0.0.1', port }));
    await Promise.all(
      sockets.map(async (socket) => {
        socket.on('error', () => undefined);
        const end = Promise.race([once(socket, 'close'), once(socket, 'connect')]).catch(() => undefined);
        await end;
        socket.write('{"half":');
      }),
    );
    open = Math.max(open, sockets.filter(({ destroyed }) => !destroyed).length);
    for (const socket of sockets) socket.destroy();
  }
  globalThis.gc?.();
  const after = process.memoryUsage();
  // Both ends are in this process: twice as much as the feed alone may take.
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(40_000_000);
  const known = symbols().length;
  await vi.waitFor(() => expect(symbols().length).toBeGreaterThan(known + 2), 10_000);
  expect(good.destroyed).toBe(false);
  expect(open).toBeGreaterThan(0);
});
