import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

/** A request as a webhook got it. */
interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a webhook does with a request: a status, or anything. */
export type Behaviour = number | ((request: IncomingMessage, response: ServerResponse) => void);

/** A real HTTP server on 127.0.0.1 that notes what it gets. */
export interface Webhook {
  readonly url: string;
  readonly received: readonly Received[];
  /** Behaves so from now on: one of these for each request, the last one for all further ones. */
  behave(...next: readonly Behaviour[]): void;
  /** Resolves when so many requests have come. */
  hasReceived(count: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts a webhook that answers 200. */
export async function startWebhook(): Promise<Webhook> {
  const received: Received[] = [];
  let script: readonly Behaviour[] = [200];
  let wake = (): void => undefined;

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => undefined);
    request.on('end', () => {
      received.push({
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      const [behaviour = 200, ...further] = script;
      if (further.length > 0) script = further;
      if (typeof behaviour === 'number') response.writeHead(behaviour).end('ok');
      else behaviour(request, response);
      wake();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}/hook/s3cret`,
    received,
    behave(...next) {
      script = next;
    },
    async hasReceived(count) {
      while (received.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
