import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'vitest';

export const TIMEOUT = { timeout: 30_000 };

const FIXTURE = fileURLToPath(new URL('./fixture-function.ts', import.meta.url));

/**
 * The runtime installs process-wide hooks and ends its process, so a function is tested as a process of its
 * own.
 */
export interface RunningFunction {
  readonly child: ChildProcess;
  readonly port: number;
  /** Everything logged so far. */
  readonly log: () => string;
  /** Resolves when a line with this text is logged. */
  readonly logged: (text: string) => Promise<void>;
  /** The exit code; kills the process first if told so. */
  readonly ended: (how?: 'kill') => Promise<number | null>;
}

/** A function that may not be ready yet. */
export async function startFunction(env: Readonly<Record<string, string>> = {}): Promise<RunningFunction> {
  const port = await freePort();
  const child = spawn(process.execPath, [FIXTURE], {
    env: { PATH: process.env['PATH'], PORT: String(port), ...env },
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const logged = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(text)) resolve();
      };
      child.stderr.on('data', look);
      child.once('exit', () => reject(new Error(`Cannot wait for '${text}': the process ended: ${output}`)));
      look();
    });
  const ended = (how?: 'kill'): Promise<number | null> => {
    if (how === 'kill') child.kill('SIGKILL');
    return exited;
  };
  return { child, port, log: () => output, logged, ended };
}

/** A function ready to take events, until its test is finished. */
export async function startReady(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  env: Readonly<Record<string, string>> = {},
): Promise<RunningFunction> {
  const running = await startFunction({ LOOPBACK_ONLY: 'true', ...env });
  onTestFinished(async () => void (await running.ended('kill')));
  await running.logged('"ready"');
  return running;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** A request. */
export interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  /** A list is sent in chunks, without a content length. */
  readonly body?: string | Buffer | readonly Buffer[];
  readonly method?: string;
  readonly path?: string;
  readonly agent?: Agent;
  readonly host?: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The headers of a good event. */
export const EVENT = {
  'ce-specversion': '1.0',
  'ce-id': '1:finnhub-03:17',
  'ce-source': '/feeds/finnhub',
  'ce-type': 'io.kandle.test.v1',
  'content-type': 'application/json',
};

/** Sends a request, a good event that does nothing unless told otherwise. */
export function send(port: number, sent: Sent = {}): Promise<Answer> {
  const { body = '{"do":"nothing"}', method = 'POST', path = '/', headers = EVENT } = sent;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: sent.host ?? '127.0.0.1',
        port,
        method,
        path,
        headers,
        ...(sent.agent && { agent: sent.agent }),
      },
      (response) => {
        // KafkaSource can hang for ever on a header `Kne-…`: no answer of the whole suite may have one.
        const odd = Object.keys(response.headers).filter((name) => name.startsWith('kne-'));
        if (odd.length > 0) reject(new Error(`The answer has ${odd.join(', ')}`));
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      },
    );
    outgoing.on('error', reject);
    if (typeof body === 'string' || body instanceof Buffer) {
      if (method !== 'GET' && !('content-length' in headers)) {
        outgoing.setHeader('content-length', Buffer.byteLength(body));
      }
      outgoing.end(method === 'GET' ? undefined : body);
      return;
    }
    for (const part of body) outgoing.write(part);
    outgoing.end();
  });
}

/** An event that tells the fixture what to do. */
export const toDo = (what: string, ms = 0): Sent => ({ body: JSON.stringify({ do: what, ms }) });
