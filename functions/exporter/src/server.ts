import { createServer, type Server } from 'node:http';
import type { Board } from './board.ts';

/**
 * A server of `/metrics`, `/health/liveness` and `/health/readiness`. Ready means that every server was asked
 * once.
 */
export function createExporterServer(board: Board): Server {
  return createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(405).end();
    else if (path === '/health/liveness') response.writeHead(204).end();
    else if (path === '/health/readiness') response.writeHead(board.isReady() ? 204 : 503).end();
    else if (path === '/metrics') {
      void board.render().then((text) => {
        response.writeHead(200, { 'content-type': board.contentType }).end(text);
      });
    } else response.writeHead(404).end();
  });
}
