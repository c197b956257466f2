import { createServer, type Server } from 'node:http';
import type { Counts } from './counts.ts';
import { createIngestMetrics } from './ingest-metrics.ts';

/** What ingest is doing, as `GET /status` tells it. */
export interface IngestStatus extends Readonly<Counts> {
  readonly feed: string;
  /** 0 until the log was read back. */
  readonly epoch: number;
  readonly connected: boolean;
  /** Number of the newest connection, 0 before the first. */
  readonly connection: number;
  readonly subscribed: readonly string[];
  /** Number of symbols asked for. */
  readonly symbols: number;
  /** Accepted records not yet acknowledged. */
  readonly buffered: number;
  /** The recording has ended. */
  readonly ended: boolean;
  /** It has ended and everything is acknowledged. */
  readonly drained: boolean;
  readonly shards: Readonly<
    Record<string, { readonly watermarkMs: number | null; readonly sequence: number }>
  >;
}

/**
 * A server of `/health/liveness`, `/health/readiness`, `/status` and `/metrics`. Ready means that the log was read back and the
 * feed is connected, or that a recording has ended.
 */
export function createStatusServer(status: () => IngestStatus): Server {
  const metrics = createIngestMetrics(status);
  return createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
    else if (path === '/health/liveness') response.writeHead(204).end();
    else if (path === '/health/readiness') {
      const { connected, ended } = status();
      response.writeHead(connected || ended ? 204 : 503).end();
    } else if (path === '/status') {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(status()));
    } else if (path === '/metrics') {
      void metrics.metrics().then((text) => {
        response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
      });
    } else response.writeHead(404).end();
  });
}
