import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { freePort } from '@kandle/servers/ports/ports';
import type { Point } from '@kandle/market/sink/line-protocol';
import { readLine } from '@kandle/testkit/sink/read-line';

/** A server that speaks what the documentation of InfluxDB 2 or 3 says of writes; it is neither. */
export interface ProtocolServer {
  readonly url: string;
  /** Its points, one of each series and time. */
  points(): readonly Point[];
  /** Refuse points of this symbol, as of a wrong field type. */
  refuse(symbol: string | null): void;
  /** Answer the next requests with this status, and take nothing. */
  answer(status: number, count: number): void;
  /** Refuse the next request with a text that has no end. */
  neverEnd(): void;
  start(): Promise<void>;
  kill(): Promise<void>;
}

const TOKEN = 'secret-token';

/** How the two differ: address, login, and what becomes of a point of a series and time that is there. */
const KINDS = {
  v2: {
    path: '/api/v2/write',
    query: { org: 'kandle', bucket: 'kandle', precision: 'ns' },
    scheme: 'Token',
    // The union of both field sets, in which the later values stand.
    merge: (before: Point, point: Point): Point => ({
      ...point,
      fields: { ...before.fields, ...point.fields },
    }),
    refusal: (refused: readonly number[]) => ({
      code: 'invalid',
      message: `partial write: field type conflict dropped=${refused.length}`,
    }),
  },
  v3: {
    path: '/api/v3/write_lp',
    query: { db: 'kandle', precision: 'nanosecond', accept_partial: 'true' },
    scheme: 'Bearer',
    // It does not promise which of two equal points it keeps: here the one that does harm.
    merge: (before: Point): Point => before,
    refusal: (refused: readonly number[]) => ({
      error: 'partial write of line protocol occurred',
      data: refused.map((n) => ({ original_line: '', line_number: n + 1, error_message: 'invalid field' })),
    }),
  },
} as const;

/** Starts one; what it has taken stays when it is killed. */
export async function startProtocolServer(api: keyof typeof KINDS): Promise<ProtocolServer> {
  const kind = KINDS[api];
  const port = await freePort();
  const points = new Map<string, Point>();
  let refused: string | null = null;
  let [status, left] = [0, 0];
  let isEndless = false;
  let server: Server | null = null;

  function take(body: string): readonly number[] {
    return body.split('\n').flatMap((line, n) => {
      const point = readLine(line);
      if (point.tags['symbol'] === refused) return [n];
      const key = JSON.stringify([point.measurement, point.tags, String(point.timeNs)]);
      const before = points.get(key);
      points.set(key, before === undefined ? point : kind.merge(before, point));
      return [];
    });
  }

  function isAsExpected(url: URL, login: string | undefined): boolean {
    const query = Object.fromEntries(url.searchParams);
    return (
      url.pathname === kind.path &&
      login === `${kind.scheme} ${TOKEN}` &&
      JSON.stringify(query) === JSON.stringify(kind.query)
    );
  }

  async function start(): Promise<void> {
    server = createServer((request, response) => {
      void text(request).then((body) => {
        const end = (code: number, answer?: object): void => {
          response.writeHead(code).end(answer === undefined ? undefined : JSON.stringify(answer));
        };
        if (isEndless) {
          isEndless = false;
          response.writeHead(400);
          const writing = setInterval(() => response.write('x'.repeat(100_000)), 1);
          response.once('close', () => clearInterval(writing));
          return;
        }
        if (left > 0) {
          left -= 1;
          return end(status, { error: 'asked for', message: 'asked for' });
        }
        const url = new URL(request.url ?? '', `http://127.0.0.1:${port}`);
        if (!isAsExpected(url, request.headers.authorization)) return end(401, { message: 'unauthorized' });
        const refusals = take(body);
        return refusals.length === 0 ? end(204) : end(400, kind.refusal(refusals));
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  }

  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    points: () => [...points.values()],
    refuse: (symbol) => (refused = symbol),
    answer: (code, count) => ([status, left] = [code, count]),
    neverEnd: () => (isEndless = true),
    start,
    async kill() {
      const closed = once(server ?? createServer(), 'close');
      server?.close();
      server?.closeAllConnections();
      await closed;
    },
  };
}

/** The token that it wants. */
export const PROTOCOL_TOKEN = TOKEN;
