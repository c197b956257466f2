import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { parseNdjsonLine } from '@kandle/market/feed/ndjson/frame';
import { GENERATED_BARS, GENERATED_TRADES } from '@kandle/market/feed/ndjson/mapping';
import { expect, test, vi } from 'vitest';
import { startGenerator } from '../src/ndjson/generator.ts';

const MARKET = { symbols: 5, rate: 100, seed: 3 };

function collect(socket: Socket): string[] {
  const lines: string[] = [];
  let rest = '';
  socket.on('data', (piece) => {
    const parts = (rest + piece.toString()).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return lines;
}

test.each([
  ['bars', GENERATED_BARS],
  ['trades', GENERATED_TRADES],
] as const)('sends %s, books and news that ingest can read, to who connects', async (kind, mapping) => {
  const place = { host: '127.0.0.1', port: 0, way: 'listen' } as const;
  const generator = await startGenerator({ ...MARKET, kind }, place, () => undefined);
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(generator.url).port) });
  try {
    const lines = collect(socket);
    await vi.waitFor(() => expect(lines.length).toBeGreaterThan(10), 10_000);
    const kinds = lines.map((text) => parseNdjsonLine(text, mapping).kind);
    expect(new Set(kinds).isSubsetOf(new Set(['trade', 'book', 'news']))).toBe(true);
    expect(kinds).toContain('trade');
    expect(kinds).toContain('book');
  } finally {
    socket.destroy();
    await generator.close();
  }
});

test('connects to who listens, and again when it is cut off', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket.on('error', () => undefined)));
  const place = { host: '127.0.0.1', port, way: 'connect' } as const;
  const generator = await startGenerator({ ...MARKET, kind: 'bars' }, place, () => undefined);
  try {
    await vi.waitFor(() => expect(sockets).toHaveLength(1));
    sockets[0]?.destroy();
    await vi.waitFor(() => expect(sockets).toHaveLength(2), 5_000);
  } finally {
    await generator.close();
    server.close();
  }
});
