import { createAdaptorServer } from '@hono/node-server';
import { describeError, FatalError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** How requests are served. */
export interface QueryServerOptions {
  readonly PORT: number;
  readonly HTTP_HOST: string;
  readonly DRAIN_MS: number;
  readonly MAX_IN_FLIGHT: number;
  readonly MAX_QUESTIONS: number;
  readonly log: Logger;
  /** Number of open streams. */
  readonly streams: () => number;
  /** Ends the open streams: their clients come again, to another process. */
  readonly endStreams: () => void;
  /** Closes connections; called once, after the last request has ended. */
  readonly close: () => Promise<unknown>;
}

/** Longest time that a client may take to send its request. */
const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Serves requests until SIGTERM or SIGINT, with the probes that every function has. On a signal it takes no new
 * request, lets those under way end, and ends the process.
 *
 * @throws {FatalError} If it cannot listen.
 */
export async function serveQueries(
  answer: (request: Request) => Response | Promise<Response>,
  options: QueryServerOptions,
): Promise<Server> {
  const {
    PORT: port,
    HTTP_HOST: host,
    MAX_IN_FLIGHT: maxInFlight,
    MAX_QUESTIONS: maxQuestions,
    log,
  } = options;
  let inFlight = 0;
  let draining = false;
  const server = createAdaptorServer({
    overrideGlobalObjects: false,
    fetch: async (request: Request) => {
      const { pathname } = new URL(request.url);
      if (pathname === '/health/liveness') return new Response('OK');
      if (pathname === '/health/readiness')
        return new Response(draining ? 'stopping' : 'OK', { status: draining ? 503 : 200 });
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return new Response('Read with GET\n', { status: 405, headers: { allow: 'GET, HEAD' } });
      if (draining) return new Response('Stopping: ask again\n', { status: 503 });
      // A stream is under way for long after its handler has answered; then it is counted by itself.
      if (inFlight >= maxQuestions || inFlight + options.streams() >= maxInFlight)
        return new Response('Busy: ask again\n', { status: 429, headers: { 'retry-after': '1' } });
      inFlight += 1;
      try {
        return await answer(request);
      } finally {
        inFlight -= 1;
      }
    },
  }) as Server;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot listen on PORT ${port}: ${describeError(error)}`, { cause: error });
  }
  const stop = async (): Promise<void> => {
    if (draining) return;
    draining = true;
    log.info({ inFlight }, 'stopping: taking no new requests');
    server.close();
    options.endStreams();
    server.closeIdleConnections();
    const deadlineMs = performance.now() + options.DRAIN_MS;
    const isWaitedFor = (): boolean => inFlight > 0 && performance.now() < deadlineMs;
    while (isWaitedFor()) await sleep(10);
    await options.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  log.info({ port, startMs: Math.round(process.uptime() * 1_000) }, 'ready');
  return server;
}
