import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { freePort } from '@kandle/servers/ports/ports';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runFeed } from './running-feed.ts';

/** A feed that listens, and what it tells from its second client on. */
async function listen(changes: Readonly<Record<string, string>> = {}) {
  const port = await freePort();
  const FEED_URL = `tcp-listen://127.0.0.1:${port}`;
  const running = runFeed({ VENDOR: 'ndjson', FEED_URL, NDJSON_MAPPING: 'trades', ...changes });
  await vi.waitFor(async () => (await dial(port)).destroy());
  await vi.waitFor(() => expect(running.events.at(-1)).toBe('disconnected'));
  const before = running.events.length;
  return {
    ...running,
    port,
    later: () => running.events.slice(before),
    symbols: () => running.entries().map(({ s }) => s),
  };
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const line = (symbol: string) =>
  `${JSON.stringify({ type: 'trade', id: 1, symbol, price: 1, size: 1, time: '2026-11-29T10:00:00Z' })}\n`;

test('takes lines of any number of senders, however they are cut, and the last one without its end', async () => {
  const { port, later, symbols } = await listen();
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
  await vi.waitFor(() => expect(later()).toEqual(['connected 2 disconnected', 'disconnected']));
});

test('closes one who sends a byte now and then and never a line, and the others go on', async () => {
  const { port, symbols } = await listen({ SILENCE_MS: '1500' });
  const [slow, good] = [await dial(port), await dial(port)];
  const closed = once(slow, 'close');
  const drip = setInterval(() => slow.write('x'), 50);
  const speak = setInterval(() => good.write(line('GOOD')), 200);
  onTestFinished(() => [drip, speak].forEach(clearInterval));
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

test('takes no more connections than it may, whoever comes, and the first goes on', async () => {
  const { port, symbols } = await listen({ MAX_CONNECTIONS: '3' });
  const good = await dial(port);
  const others = await Promise.all(Array.from({ length: 20 }, () => dial(port)));
  await vi.waitFor(() => expect(others.filter(({ destroyed }) => !destroyed)).toHaveLength(2));
  good.write(line('GOOD'));
  await vi.waitFor(() => expect(symbols()).toEqual(['GOOD']));
  expect(good.destroyed).toBe(false);
});
