import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A request as it came. */
interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Monotonic time of its arrival, milliseconds. */
  readonly atMs: number;
  /** Position of its record, from the attributes that KafkaSource adds. */
  readonly partition: number;
  readonly offset: number;
  /** How often this record has come before. */
  readonly earlierTries: number;
}

/** How a request is answered. */
interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly delayMs?: number;
  /** Answer only after this. */
  readonly after?: Promise<unknown>;
  /** Never answer; or send half of an answer, and never its end. */
  readonly hang?: 'headers' | 'body';
  /** Cut the connection; or send half of an answer, then cut it. */
  readonly reset?: 'headers' | 'body';
}

/** A scripted HTTP server that stands for a function and writes down what it was sent. */
export interface EventSink {
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  /** Replaces the script: how the requests from now on are answered. */
  answer(script: (request: SeenRequest) => Answer): void;
  /** Most requests that were under way at once; of one partition if it is named. */
  maxInFlight(partition?: number): number;
  /** Resolves when so many requests have come. @throws {Error} If they do not come in time. */
  until(count: number, deadlineMs?: number): Promise<readonly SeenRequest[]>;
  /** Cuts every connection, with what is under way. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a sink on a free port of 127.0.0.1; it answers 204 until it is told otherwise. */
export async function startEventSink(): Promise<EventSink> {
  const requests: SeenRequest[] = [];
  const inFlight = new Map<number | undefined, { now: number; most: number }>();
  let script: (request: SeenRequest) => Answer = () => ({ status: 204 });

  function count(partition: number | undefined, step: 1 | -1): void {
    const entry = inFlight.get(partition) ?? { now: 0, most: 0 };
    const now = entry.now + step;
    inFlight.set(partition, { now, most: Math.max(entry.most, now) });
  }

  const server = createServer((request, response) => {
    const partition = Number(request.headers['ce-knativekafkapartition']);
    const offset = Number(request.headers['ce-knativekafkaoffset']);
    const chunks: Buffer[] = [];
    count(undefined, 1);
    count(partition, 1);
    response.once('close', () => {
      count(undefined, -1);
      count(partition, -1);
    });
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const seen: SeenRequest = {
        method: request.method ?? '',
        url: request.url ?? '',
        httpVersion: request.httpVersion,
        headers: request.headers,
        body: Buffer.concat(chunks),
        atMs: performance.now(),
        partition,
        offset,
        earlierTries: requests.filter((one) => one.partition === partition && one.offset === offset).length,
      };
      requests.push(seen);
      void give(response, script(seen));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    answer(next) {
      script = next;
    },
    maxInFlight: (partition) => inFlight.get(partition)?.most ?? 0,
    async until(wanted, deadlineMs = 20_000) {
      const deadline = performance.now() + deadlineMs;
      while (requests.length < wanted) {
        if (performance.now() > deadline)
          throw new Error(`Only ${requests.length} of ${wanted} requests came in ${deadlineMs} ms`);
        await sleep(5);
      }
      return requests;
    },
    cut() {
      script = () => ({ status: 204 });
      server.closeAllConnections();
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function give(response: ServerResponse, answer: Answer): Promise<void> {
  if (answer.delayMs !== undefined) await sleep(answer.delayMs);
  await answer.after;
  if (answer.hang === 'headers') return;
  if (answer.reset === 'headers') {
    response.destroy();
    return;
  }
  const body = answer.body ?? '';
  const half = answer.hang === 'body' || answer.reset === 'body';
  const length = half ? { 'content-length': '1000' } : {};
  response.writeHead(answer.status ?? 204, { ...answer.headers, ...length });
  if (!half) response.end(body);
  else response.write('half', () => answer.reset === 'body' && response.destroy());
}
