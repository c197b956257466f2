import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { pipeline } from 'node:stream/promises';
import type { Service } from './service.ts';

/** An address on this machine at which a service answers, asleep or awake. */
export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

/** Answers a request that is not for the service. @returns False if it is for the service. */
export type Beside = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/**
 * Gives a service an address of its own, as Serving's gateway does: a request wakes a process if there is none,
 * and the answer is passed on as it comes. On 127.0.0.1 only.
 *
 * @throws {Error} If the port is taken.
 */
export async function startGateway(
  service: Service,
  port: number,
  beside: Beside = () => false,
): Promise<Gateway> {
  const server = createServer((incoming, outgoing) => {
    if (!beside(incoming, outgoing)) void pass(service, incoming, outgoing);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${port}`, close: () => close(server) };
}

async function pass(service: Service, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const { timeoutMs, name } = service.plan;
  const lease = await service.lease(timeoutMs);
  if (lease === null) return answer(outgoing, 503, `No process of ${name} was ready in time: ask again`);
  try {
    const onward = request(new URL(incoming.url ?? '/', lease.url), {
      method: incoming.method,
      headers: incoming.headers,
      signal: AbortSignal.timeout(timeoutMs),
    });
    outgoing.once('close', () => onward.destroy());
    const [response] = await Promise.all([answered(onward), pipeline(incoming, onward)]);
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    await pipeline(response, outgoing);
  } catch {
    // Whoever asked has gone, or the process has: then there is nobody to answer, or half an answer to cut off.
    if (outgoing.headersSent) outgoing.destroy();
    else answer(outgoing, 502, `${name} did not answer: ask again`);
  } finally {
    lease.release();
  }
}

function answered(onward: ReturnType<typeof request>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    onward.once('response', resolve);
    onward.once('error', reject);
  });
}

function answer(outgoing: ServerResponse, status: number, text: string): void {
  outgoing.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
