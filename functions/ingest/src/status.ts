import { createServer, type Server } from 'node:http';
import { createIngestMetrics } from './ingest-metrics.ts';
import type { IngestStatus } from './ingest-status.ts';

/**
 * A server of `/health/liveness`, `/health/readiness`, `/status` and `/metrics`. Ready means that the log was
 * read back and the feed is connected, or that a recording has ended.
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
