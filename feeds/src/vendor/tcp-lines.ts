import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { GENERATED_TRADES } from '@kandle/market/feed/ndjson/mapping';
import type { VendorServer } from './vendor-server.ts';

const RETRY_MS = 50;

/** A server of JSON lines that ingest connects to. */
export async function startTcpServer(): Promise<VendorServer> {
  const lines = createLines();
  const server = createServer(lines.take);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ...lines.vendor,
    env: envOf(`tcp://127.0.0.1:${port}`),
    async close() {
      lines.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** One who connects to an ingest that listens, again and again, and sends it JSON lines. */
export async function startTcpCaller(): Promise<VendorServer> {
  const lines = createLines();
  const port = await freePort();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;

  function call(): void {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => lines.take(socket));
    socket.on('error', () => undefined);
    socket.once('close', () => {
      if (!isOver) timer = setTimeout(call, RETRY_MS);
    });
  }

  call();
  return {
    ...lines.vendor,
    env: envOf(`tcp-listen://127.0.0.1:${port}`),
    close() {
      isOver = true;
      clearTimeout(timer);
      lines.end();
      return Promise.resolve();
    },
  };
}

/** The connections over which lines go, whoever has made them. */
function createLines() {
  const sockets = new Set<Socket>();
  let handshakes = 0;
  let closesAtOnce = false;
  let greeting: () => readonly string[] = () => [];
  const write = (socket: Socket, text: string | Buffer): void => {
    socket.write(Buffer.concat([Buffer.from(text), Buffer.from('\n')]));
  };
  const send = (text: string | Buffer): void => {
    for (const socket of sockets) write(socket, text);
  };
  const vendor: Omit<VendorServer, 'env' | 'close'> = {
    isSampled: false,
    frame: ({ symbol, price, atMs, dayVolume }) =>
      JSON.stringify({
        type: 'trade',
        id: `${symbol}-${dayVolume}`,
        symbol,
        price,
        size: 1,
        time: new Date(atMs).toISOString(),
      }),
    send,
    greetBy(texts) {
      greeting = texts;
    },
    pulse: () => send('{"type":"alive"}'),
    clients: () => sockets.size,
    handshakes: () => handshakes,
    cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    cutWithin(text) {
      for (const socket of sockets) socket.end(text.slice(0, 9));
    },
    closeAtOnce(isSo) {
      closesAtOnce = isSo;
    },
    refuse: null,
  };
  return {
    vendor,
    take(socket: Socket): void {
      handshakes += 1;
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      socket.resume();
      if (closesAtOnce) {
        socket.destroy();
        return;
      }
      sockets.add(socket);
      for (const text of greeting()) write(socket, text);
    },
    end(): void {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function envOf(FEED_URL: string): VendorServer['env'] {
  const NDJSON_MAPPING = JSON.stringify([...GENERATED_TRADES, { kind: 'ignore', when: { type: 'alive' } }]);
  return { VENDOR: 'ndjson', FEED_URL, NDJSON_MAPPING };
}

/** A port that nobody has at the moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
