import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { startTwelveDataServer, twelveDataFrame } from '@kandle/feeds/twelvedata/server';
import { startSocketServer, type SocketServer } from '@kandle/feeds/vendor/socket-server';
import { startYahooPollServer, yahooQuotes } from '@kandle/feeds/yahoo/poll-server';
import { startYahooServer, yahooFrame } from '@kandle/feeds/yahoo/server';

/** A server that speaks a vendor's protocol, and does to its clients what it is told. */
export interface VendorServer {
  /** Variables of ingest that lead to it. */
  readonly env: Readonly<Record<string, string>>;
  /** A frame of one entry, the n-th. */
  frame(n: number): string;
  /** A text to whoever is connected, whatever it is. */
  send(text: string | Buffer): void;
  clients(): number;
  /** Connections and attempts so far. */
  handshakes(): number;
  /** Cuts every connection. */
  cut(): void;
  /** Cuts every connection in the middle of a frame. */
  cutWithin(text: string): void;
  closeAtOnce(isSo: boolean): void;
  /** Null where the protocol has no such answer. */
  readonly refuse: ((status: number | null) => void) | null;
  /** Shortest wait after it has had too many requests; 200 where that is a refusal like others. */
  readonly pausedMs?: number;
  close(): Promise<void>;
}

const AT = 1_764_000_000_000;
const SYMBOLS = 'AAPL,MSFT';

/** A WebSocket's first half of a text frame: the length that it promises does not come. */
function halfFrame(text: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x81, 126, text.length >> 8, text.length & 255]),
    Buffer.from(text.slice(0, 9)),
  ]);
}

function overWebSocket(
  server: SocketServer,
  { env, frame }: Pick<VendorServer, 'env' | 'frame'>,
): VendorServer {
  return {
    env: { SYMBOLS, FEED_URL: server.url, ...env },
    frame,
    send(text) {
      for (const client of server.clients) client.send(text);
    },
    clients: () => server.clients.size,
    handshakes: server.handshakes,
    cut() {
      for (const client of server.clients) client.terminate();
    },
    cutWithin(text) {
      for (const client of server.clients) {
        const socket: unknown = Reflect.get(client, '_socket');
        if (socket instanceof Object && 'end' in socket && typeof socket.end === 'function')
          socket.end(halfFrame(text));
      }
    },
    closeAtOnce: server.closeAtOnce,
    refuse: server.refuse,
    close: server.close,
  };
}

const sample = (n: number) => ({
  symbol: 'AAPL',
  price: 100 + n,
  atMs: AT + n * 1_000,
  dayVolume: 1_000 + n,
});

async function startTcpServer(): Promise<VendorServer> {
  const sockets = new Set<Socket>();
  let handshakes = 0;
  let closesAtOnce = false;
  const server = createServer((socket) => {
    handshakes += 1;
    socket.on('error', () => undefined);
    if (closesAtOnce) socket.destroy();
    else sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    env: { VENDOR: 'ndjson', FEED_URL: `tcp://127.0.0.1:${port}`, NDJSON_MAPPING: 'trades' },
    frame: (n) =>
      JSON.stringify({
        type: 'trade',
        id: n,
        symbol: 'AAPL',
        price: 100 + n,
        size: 1,
        time: new Date(AT + n).toISOString(),
      }),
    send(text) {
      for (const socket of sockets) socket.write(Buffer.concat([Buffer.from(text), Buffer.from('\n')]));
    },
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
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A server that is asked again and again: who asks is kept waiting until there is something to tell. */
async function startPolledServer(): Promise<VendorServer> {
  const texts: (string | Buffer)[] = [];
  const waiting = new Set<ServerResponse>();
  let closesAtOnce = false;
  let fate: ((response: ServerResponse) => void) | null = null;

  function answer(_: IncomingMessage, response: ServerResponse): boolean {
    response.on('close', () => waiting.delete(response));
    if (closesAtOnce) response.destroy();
    else waiting.add(response);
    tell();
    return true;
  }

  function tell(): void {
    for (const response of waiting) {
      const act = fate;
      fate = null;
      const text = act === null ? texts.shift() : undefined;
      if (act === null && text === undefined) return;
      waiting.delete(response);
      if (act === null) response.end(text);
      else act(response);
    }
  }

  const server = await startYahooPollServer({ port: 0, last: () => undefined, answer });
  return {
    env: {
      VENDOR: 'yahoo-poll',
      SYMBOLS,
      FEED_URL: server.url,
      YAHOO_COOKIE_URL: server.url,
      POLL_MS: '2',
      PAUSE_MS: '200',
    },
    frame: (n) => yahooQuotes([sample(n)]),
    send(text) {
      texts.push(text);
      tell();
    },
    clients: () => waiting.size,
    handshakes: server.greetings,
    cut() {
      fate = (response) => response.destroy();
      tell();
    },
    cutWithin(text) {
      fate = (response) => {
        response.writeHead(200, { 'content-length': text.length }).write(text.slice(0, 9));
        setImmediate(() => response.destroy());
      };
      tell();
    },
    closeAtOnce(isSo) {
      closesAtOnce = isSo;
    },
    refuse: server.refuse,
    pausedMs: 100,
    close: server.close,
  };
}

/** How the server of each vendor is started. */
export const VENDOR_SERVERS: Readonly<Record<string, () => Promise<VendorServer>>> = {
  async finnhub() {
    const server = await startSocketServer({
      port: 0,
      path: '/',
      keyName: 'token',
      onClient: () => undefined,
    });
    return overWebSocket(server, {
      env: { FINNHUB_TOKEN: 'secret/key' },
      frame: (n) =>
        JSON.stringify({ type: 'trade', data: [{ s: 'AAPL', p: 100 + n, t: AT + n, v: 1, c: null }] }),
    });
  },
  async twelvedata() {
    const server = await startTwelveDataServer(0, () => true);
    return overWebSocket(server, {
      env: { VENDOR: 'twelvedata', TWELVEDATA_KEY: 'secret/key' },
      frame: (n) => twelveDataFrame(sample(n)),
    });
  },
  async yahoo() {
    const server = await startYahooServer(0, () => undefined);
    return overWebSocket(server, { env: { VENDOR: 'yahoo' }, frame: (n) => yahooFrame(sample(n)) });
  },
  'yahoo, asked': startPolledServer,
  tcp: startTcpServer,
};
