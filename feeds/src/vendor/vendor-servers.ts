import type { IncomingMessage, ServerResponse } from 'node:http';
import { PING_FRAME } from '../finnhub/feed-server.ts';
import { startTwelveDataServer, twelveDataFrame } from '../twelvedata/server.ts';
import { startYahooPollServer, yahooQuotes } from '../yahoo/poll-server.ts';
import { startYahooServer, yahooFrame } from '../yahoo/server.ts';
import type { MarketSample } from './sample.ts';
import { type SocketServer, startSocketServer } from './socket-server.ts';
import { startTcpCaller, startTcpServer } from './tcp-lines.ts';
import type { VendorServer } from './vendor-server.ts';

/** A WebSocket's first half of a text frame: the length that it promises does not come. */
function halfFrame(text: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x81, 126, text.length >> 8, text.length & 255]),
    Buffer.from(text.slice(0, 9)),
  ]);
}

/** @param pulse Its sign of life; null for a ping of the WebSocket. */
function overWebSocket(
  server: SocketServer,
  {
    env,
    isSampled,
    frame,
    pulse,
  }: Pick<VendorServer, 'env' | 'isSampled' | 'frame'> & { readonly pulse: string | null },
): VendorServer {
  const send = (text: string | Buffer): void => {
    for (const client of server.clients) client.send(text);
  };
  return {
    env: { FEED_URL: server.url, ...env },
    isSampled,
    frame,
    send,
    greetBy: server.greetBy,
    pulse() {
      if (pulse !== null) send(pulse);
      else for (const client of server.clients) client.ping();
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

/** A server that is asked again and again: who asks is kept waiting until there is something to tell. */
async function startPolledServer(): Promise<VendorServer> {
  const shown = new Map<string, MarketSample>();
  const texts: (string | Buffer)[] = [];
  const waiting = new Set<ServerResponse>();
  const known = new WeakSet<object>();
  let closesAtOnce = false;
  let greeting: () => readonly string[] = () => [];
  let fate: ((response: ServerResponse) => void) | null = null;

  function answer({ socket }: IncomingMessage, response: ServerResponse): boolean {
    response.on('close', () => waiting.delete(response));
    if (closesAtOnce) {
      response.destroy();
      return true;
    }
    // Who was told something and has gone since may not have taken it in.
    if (!known.has(socket)) texts.unshift(...greeting());
    known.add(socket);
    waiting.add(response);
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

  function send(text: string | Buffer): void {
    texts.push(text);
    tell();
  }

  const server = await startYahooPollServer({ port: 0, last: () => undefined, answer });
  return {
    env: {
      VENDOR: 'yahoo-poll',
      FEED_URL: server.url,
      YAHOO_COOKIE_URL: server.url,
      POLL_MS: '2',
      PAUSE_MS: '200',
    },
    isSampled: true,
    frame(sample) {
      shown.set(sample.symbol, sample);
      return yahooQuotes([...shown.values()]);
    },
    send,
    greetBy(greet) {
      greeting = greet;
    },
    pulse() {
      if (shown.size > 0) send(yahooQuotes([...shown.values()]));
    },
    clients: () => waiting.size,
    handshakes: server.requests,
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
export const VENDOR_SERVERS = {
  async finnhub() {
    const server = await startSocketServer({
      port: 0,
      path: '/',
      keyName: 'token',
      onClient: () => undefined,
    });
    return overWebSocket(server, {
      env: { VENDOR: 'finnhub', FINNHUB_TOKEN: 'secret/key' },
      isSampled: false,
      frame: ({ symbol, price, atMs }) =>
        JSON.stringify({ type: 'trade', data: [{ s: symbol, p: price, t: atMs, v: 1, c: null }] }),
      pulse: PING_FRAME,
    });
  },
  async twelvedata() {
    const server = await startTwelveDataServer(0, () => true);
    return overWebSocket(server, {
      env: { VENDOR: 'twelvedata', TWELVEDATA_KEY: 'secret/key' },
      isSampled: true,
      frame: twelveDataFrame,
      pulse: '{"event":"heartbeat","status":"ok"}',
    });
  },
  async yahoo() {
    const server = await startYahooServer(0, () => undefined);
    return overWebSocket(server, {
      env: { VENDOR: 'yahoo' },
      isSampled: true,
      frame: yahooFrame,
      pulse: null,
    });
  },
  'yahoo-poll': startPolledServer,
  tcp: startTcpServer,
} as const satisfies Readonly<Record<string, () => Promise<VendorServer>>>;

/** The same, and who calls ingest instead of being called. */
export const VENDORS = {
  ...VENDOR_SERVERS,
  'tcp-listen': startTcpCaller,
} as const satisfies Readonly<Record<string, () => Promise<VendorServer>>>;

/** A vendor that can be started. */
export type VendorName = keyof typeof VENDORS;
