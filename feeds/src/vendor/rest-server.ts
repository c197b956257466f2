import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

/** What a vendor's REST server does instead of an answer. */
export type RestFault =
  | { readonly status: number; readonly body: string }
  /** Half of the body, then the line is cut; no answer at all. */
  | 'half'
  | 'mute';

/** The REST servers of Finnhub (`x-finnhub-token`) and Twelve Data (`authorization: apikey …`), in one. */
export interface RestServer {
  readonly url: string;
  /** What every request gets instead, until told otherwise or so many have. */
  fail(fault: RestFault | null, times?: number): void;
  /** When each request came, on the monotonic clock, milliseconds. */
  requests(): readonly number[];
  close(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1.
 *
 * @param key The only one that opens the door.
 * @param bodyOf What a path with its query answers, as JSON; undefined for 404.
 */
export async function startRestServer(
  key: string,
  bodyOf: (path: string) => string | undefined,
): Promise<RestServer> {
  const requests: number[] = [];
  let set: RestFault | null = null;
  let left = 0;
  const server = createServer((request, response) => {
    requests.push(performance.now());
    const fault = left-- > 0 ? set : null;
    const { 'x-finnhub-token': token, authorization } = request.headers;
    const isKnown = token === key || authorization === `apikey ${key}`;
    const body = bodyOf(request.url ?? '');
    if (fault === 'mute') return;
    if (!isKnown) reply(response, 401, '{"error":"Invalid API key"}');
    else if (fault === 'half') {
      const text = body ?? '';
      response.writeHead(200, { 'content-length': text.length });
      response.write(text.slice(0, text.length / 2), () => response.destroy());
    } else if (fault !== null) reply(response, fault.status, fault.body);
    else if (body === undefined) reply(response, 404, '{"error":"not found"}');
    else reply(response, 200, body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    fail(fault, times = Number.POSITIVE_INFINITY) {
      set = fault;
      left = times;
    },
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
