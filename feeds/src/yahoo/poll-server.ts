import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describeError, FatalError } from '@kandle/runtime/errors';
import type { MarketSample } from '../vendor/sample.ts';

/** A server that answers as Yahoo's quotes and charts do. */
export interface YahooPollServer {
  readonly url: string;
  /** Number of requests so far, of all kinds. */
  requests(): number;
  /** Number of cookies so far: one of each connection, and of each crumb that was not taken any more. */
  greetings(): number;
  /** Answers everything but the cookie with this status, until told otherwise. */
  refuse(status: number | null): void;
  /** The crumb that was given is not taken any more. */
  forgetCrumb(): void;
  /** Gives "Too Many Requests" with status 200 where a crumb belongs, until told otherwise. */
  garbleCrumb(isSo: boolean): void;
  close(): Promise<void>;
}

/** How the server is to answer. */
export interface YahooPollServerOptions {
  /** Port on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** What a symbol was last seen at; undefined for one that Yahoo does not know. */
  readonly last: (symbol: string) => MarketSample | undefined;
  /** Answers a request for quotes or a chart in its own way. @returns False to leave it to the server. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

const TOO_MANY = 'Too Many Requests';
const PRICE_HINT = 4;
const CHART = /^\/v8\/finance\/chart\/([^/]+)$/;

/**
 * Starts the server: a cookie, a crumb that belongs to it, without which there are no quotes, and charts
 * without one.
 *
 * @throws {FatalError} If the port is taken.
 */
export async function startYahooPollServer(options: YahooPollServerOptions): Promise<YahooPollServer> {
  const { last, answer } = options;
  let requests = 0;
  let greetings = 0;
  let refusal: number | null = null;
  let isGarbled = false;
  let crumbs = 0;
  const crumb = (): string => `k3Gt.Q9/${crumbs}`;

  function respond(request: IncomingMessage, response: ServerResponse): void {
    requests += 1;
    const url = URL.parse(request.url ?? '/', 'http://127.0.0.1');
    if (url === null) return send(response, 400, 'no address');
    if (url.pathname === '/') {
      greetings += 1;
      // As fc.yahoo.com answers: a page that is not there, and a cookie.
      response.setHeader('set-cookie', 'A3=simulated; Path=/; Secure');
      return send(response, 404, '');
    }
    if (refusal !== null) return send(response, refusal, refusal === 429 ? `${TOO_MANY}\n` : 'no');
    if (url.pathname === '/v1/test/getcrumb') {
      if (isGarbled) return send(response, 200, TOO_MANY);
      const isGreeted = request.headers.cookie === 'A3=simulated';
      return send(response, isGreeted ? 200 : 401, isGreeted ? crumb() : 'no cookie');
    }
    if (answer?.(request, response) === true) return;
    if (url.pathname === '/v7/finance/quote') return quotes(url, response);
    const [, symbol] = CHART.exec(url.pathname) ?? [];
    if (symbol === undefined) return send(response, 404, 'no such page');
    chart(decodeURIComponent(symbol), response);
  }

  function quotes({ searchParams }: URL, response: ServerResponse): void {
    if (searchParams.get('crumb') !== crumb()) {
      const error = { code: 'Unauthorized', description: 'Invalid Crumb' };
      return send(response, 401, JSON.stringify({ finance: { result: null, error } }));
    }
    const asked = (searchParams.get('symbols') ?? '').split(',');
    const known = asked.flatMap((symbol) => last(symbol) ?? []);
    send(response, 200, yahooQuotes(known));
  }

  function chart(symbol: string, response: ServerResponse): void {
    const sample = last(symbol);
    if (sample !== undefined) return send(response, 200, yahooChart(sample));
    const error = { code: 'Not Found', description: 'No data found, symbol may be delisted' };
    send(response, 404, JSON.stringify({ chart: { result: null, error } }));
  }

  const server = createServer(respond);
  server.listen(options.port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot serve a feed on port ${options.port}: ${describeError(error)}`, {
      cause: error,
    });
  }
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    url: `http://127.0.0.1:${port}`,
    requests: () => requests,
    greetings: () => greetings,
    refuse(status) {
      refusal = status;
    },
    forgetCrumb() {
      crumbs += 1;
    },
    garbleCrumb(isSo) {
      isGarbled = isSo;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

/** Samples as `v7/finance/quote` answers them. */
export function yahooQuotes(samples: readonly MarketSample[]): string {
  return JSON.stringify({ quoteResponse: { result: samples.map(factsOf), error: null } });
}

/** A sample as `v8/finance/chart` answers it, with the bar that is running. */
export function yahooChart(sample: MarketSample): string {
  const { quoteType: instrumentType, ...facts } = factsOf(sample);
  const quote = [{ open: [sample.price], high: [null], low: [null], close: [sample.price], volume: [null] }];
  const result = [
    { meta: { ...facts, instrumentType }, timestamp: [facts.regularMarketTime], indicators: { quote } },
  ];
  return JSON.stringify({ chart: { result, error: null } });
}

function factsOf({ symbol, price, atMs, dayVolume }: MarketSample) {
  return {
    symbol,
    quoteType: dayVolume === null ? 'CURRENCY' : 'EQUITY',
    priceHint: PRICE_HINT,
    regularMarketPrice: price,
    regularMarketTime: Math.floor(atMs / 1_000),
    ...(dayVolume === null ? {} : { regularMarketVolume: Math.floor(dayVolume) }),
  };
}
