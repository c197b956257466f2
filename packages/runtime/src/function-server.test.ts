import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, type TestContext, vi } from 'vitest';

/** Starting a process takes a second on a busy machine. */
const TIMEOUT = { timeout: 30_000 };

const FIXTURE = fileURLToPath(new URL('../test/fixture-function.ts', import.meta.url));

/** The runtime installs process-wide hooks and ends its process, so a function is tested as a process of its own. */
interface RunningFunction {
  readonly child: ChildProcess;
  readonly port: number;
  /** Everything logged so far. */
  readonly log: () => string;
  /** Resolves when a line with this text is logged. */
  readonly logged: (text: string) => Promise<void>;
  /** The exit code; kills the process first if told so. */
  readonly ended: (how?: 'kill') => Promise<number | null>;
}

async function startFunction(env: Readonly<Record<string, string>> = {}): Promise<RunningFunction> {
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
async function startReady(
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

interface Sent {
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

const EVENT = {
  'ce-specversion': '1.0',
  'ce-id': '1:finnhub-03:17',
  'ce-source': '/feeds/finnhub',
  'ce-type': 'io.kandle.test.v1',
  'content-type': 'application/json',
};

/** Sends a request, a good event that does nothing unless told otherwise. */
function send(port: number, sent: Sent = {}): Promise<Answer> {
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

const toDo = (what: string, ms = 0): Sent => ({ body: JSON.stringify({ do: what, ms }) });

function ofType(contentType: string): OutgoingHttpHeaders {
  return { 'content-type': contentType };
}

describe('serveFunction()', TIMEOUT, () => {
  let served: RunningFunction;

  beforeAll(async () => {
    served = await startFunction({ LOOPBACK_ONLY: 'true' });
    await served.logged('"ready"');
  }, TIMEOUT.timeout);
  afterAll(() => served.ended('kill'));

  test('serveFunction() answers 204 without a body, when the effect is durable', async () => {
    expect(await send(served.port)).toEqual({ status: 204, text: '' });
  });

  test.each([
    ['poison', 422, 'Cannot count it: wrong for ever'],
    ['retryable', 503, 'Cannot write: the database is away'],
    ['refused', 503, 'connect failed'],
    ['code 256', 503, 'bad credentials'],
    ['code 204', 503, 'looks like success'],
    ['text', 503, 'only text'],
  ])(
    'serveFunction() answers by the kind of error alone, when the handler fails with %s',
    async (what, status, text) => {
      expect(await send(served.port, toDo(what))).toEqual({ status, text });
    },
  );

  test('serveFunction() hands over attributes as strings, parsed data and the offset, when KafkaSource sends them', async () => {
    const headers = { ...EVENT, 'ce-shard': 'finnhub-03', 'ce-knativekafkaoffset': '123456789012' };
    const answer = await send(served.port, { headers, body: '{"do":"echo","price":"9e-05 \u20ac"}' });
    expect(JSON.parse(answer.text)).toEqual({
      id: '1:finnhub-03:17',
      type: 'io.kandle.test.v1',
      source: '/feeds/finnhub',
      data: { do: 'echo', price: '9e-05 \u20ac' },
      offset: '123456789012',
      shard: 'finnhub-03',
    });
  });

  test('serveFunction() parses the data all the same, when a producer repeats the content type as an attribute', async () => {
    const headers = { ...EVENT, 'ce-datacontenttype': 'application/json' };
    expect(await send(served.port, { headers })).toEqual({ status: 204, text: '' });
  });

  test.each(['-1', '1.5', 'x', '1'.repeat(19)])(
    'serveFunction() knows no offset, when it is sent as %j',
    async (offset) => {
      const headers = { ...EVENT, 'ce-knativekafkaoffset': offset };
      const answer = await send(served.port, { headers, body: '{"do":"echo"}' });
      expect(JSON.parse(answer.text)).toMatchObject({ offset: 'null' });
    },
  );

  const without = (name: keyof typeof EVENT): OutgoingHttpHeaders =>
    Object.fromEntries(Object.entries(EVENT).filter(([other]) => other !== name));
  const withAttribute = (name: string, value: string): Sent => ({
    headers: { ...EVENT, [`ce-${name}`]: value },
  });
  const structured = JSON.stringify({ specversion: '1.0', id: '1', source: '/', type: 'x', data: {} });
  const large = Buffer.alloc(5_000_000, ' ');

  test.each<[string, Sent, number, string]>([
    ['has no ce-id', { headers: without('ce-id') }, 400, 'the header ce-id is missing or empty'],
    ['has no ce-type', { headers: without('ce-type') }, 400, 'the header ce-type is missing or empty'],
    ['has no ce-source', { headers: without('ce-source') }, 400, 'the header ce-source is missing or empty'],
    ['has an empty ce-source', withAttribute('source', ''), 400, 'ce-source is missing or empty'],
    ['has no ce-specversion', { headers: without('ce-specversion') }, 400, 'ce-specversion is missing'],
    ['is of version 0.3', withAttribute('specversion', '0.3'), 400, 'Not a CloudEvent of version 1.0'],
    ['has a bad attribute name', withAttribute('bad_name', 'x'), 400, 'malformed name'],
    ['has an attribute too long', withAttribute('x', 'x'.repeat(5_000)), 400, 'x is repeated or too long'],
    ['has a source that is no URI', withAttribute('source', 'no uri'), 400, 'source is no URI'],
    ['has a schema that is no URI', withAttribute('dataschema', 'no uri'), 400, 'dataschema is no URI'],
    ['has an attribute of version 0.3', withAttribute('schemaurl', '/x'), 400, 'name schemaurl'],
    ['hides a method of the runtime', withAttribute('validate', 'x'), 400, 'name validate'],
    ['is of another type', withAttribute('type', 'other.v1'), 422, 'does not take events of type other.v1'],
    [
      'is in structured mode',
      { headers: ofType('application/cloudevents+json'), body: structured },
      415,
      'binary mode',
    ],
    [
      'is in batch mode',
      { headers: ofType('application/cloudevents-batch+json'), body: `[${structured}]` },
      415,
      'binary mode',
    ],
    ['is a plain body', { headers: ofType('text/plain'), body: 'hello' }, 400, 'Not a CloudEvent'],
    [
      'is no JSON by its type',
      { headers: { ...EVENT, ...ofType('text/plain') } },
      415,
      'not application/json',
    ],
    ['has no content type', { headers: without('content-type') }, 415, 'not application/json'],
    ['is broken JSON', { body: '{"do":' }, 422, 'not valid JSON'],
    ['has no body', { body: '' }, 422, 'not valid JSON'],
    ['is not UTF-8', { body: Buffer.from([0x22, 0xff, 0x22]) }, 422, 'not valid UTF-8'],
    ['is too deep', { body: '['.repeat(100) + ']'.repeat(100) }, 422, 'deeper than 32 levels'],
    ['sets a prototype', { body: '{"__proto__":{}}' }, 422, 'a key __proto__'],
    ['has 5 MB with a content length', { body: large }, 413, 'larger'],
    [
      'has 5 MB in chunks',
      { body: Array.from({ length: 50 }, () => large.subarray(0, 100_000)) },
      413,
      'larger|too large',
    ],
    ['goes to another path', { path: '/other' }, 404, 'Events are taken at /'],
    ['has a query', { path: '/?x=1' }, 404, 'Events are taken at /'],
    ['is put', { method: 'PUT' }, 405, 'Send events by POST'],
    ['asks for options', { method: 'OPTIONS' }, 405, 'Send events by POST'],
  ])(
    'serveFunction() refuses for good and serves the next event, when the request %s',
    async (_, sent, status, text) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const [answer, next] = await Promise.all([
        send(served.port, { ...sent, agent }),
        send(served.port, { agent }),
      ]).finally(() => agent.destroy());
      expect(answer.status).toBe(status);
      expect(answer.text).toMatch(new RegExp(text));
      expect(next).toEqual({ status: 204, text: '' });
    },
  );

  test('serveFunction() takes an event just within the limit, when it comes in chunks', async () => {
    const body = [Buffer.from('{"do":"nothing"}'), Buffer.alloc(2_097_152 - 16, ' ')];
    expect(await send(served.port, { body })).toEqual({ status: 204, text: '' });
  });

  test.each(['/health/liveness', '/health/readiness'])(
    'serveFunction() answers 200, when probed at %s',
    async (path) => {
      expect(await send(served.port, { method: 'GET', path })).toEqual({ status: 200, text: 'OK' });
    },
  );

  test('serveFunction() logs the trace of an event that it refuses, and no malformed one', async () => {
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { ...EVENT, 'ce-traceparent': `00-${trace}-00f067aa0ba902b7-01` };
    await send(served.port, { headers, body: '{"do":"poison"}' });
    await send(served.port, { headers, body: '{"do":"retryable"}' });
    // The answer may come before the log's line.
    await vi.waitFor(() =>
      expect(served.log().match(new RegExp(`"trace_id":"${trace}"`, 'g'))).toHaveLength(2),
    );
    const { status } = await send(served.port, { headers: { ...EVENT, 'ce-traceparent': 'odd' } });
    expect(status).toBe(204);
    expect(served.log()).not.toContain('odd');
  });

  test('serveFunction() answers 404 to other reads, when a browser comes by', async () => {
    expect(await send(served.port, { method: 'GET' })).toMatchObject({ status: 404 });
  });

  test('runFunction() serves although the first connection failed, when warming up is in vain', () => {
    expect(served.log()).toContain('Cannot connect yet: the database is away');
  });

  const outside = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

  test.skipIf(outside === undefined)(
    'serveFunction() closes the connection, when LOOPBACK_ONLY and it is from elsewhere',
    async () => {
      await expect(send(served.port, { host: outside ?? '' })).rejects.toThrow(/ECONNRESET|socket hang up/);
      expect(await send(served.port)).toMatchObject({ status: 204 });
    },
  );

  test
    .skipIf(outside === undefined)
    .concurrent(
      'serveFunction() takes events from elsewhere, when LOOPBACK_ONLY is not set',
      async (context) => {
        const open = await startReady(context, { LOOPBACK_ONLY: 'false' });
        expect(await send(open.port, { host: outside ?? '' })).toMatchObject({ status: 204 });
      },
    );
});

describe.concurrent('the process of a function', TIMEOUT, () => {
  test('serveFunction() drains a running request, refuses new ones and ends with 0, when SIGTERM comes', async (context) => {
    const running = await startReady(context);
    const slow = send(running.port, toDo('wait', 700));
    await running.logged('"begun"');
    running.child.kill('SIGTERM');
    await running.logged('taking no new events');
    const [ready, alive, late] = await Promise.all([
      send(running.port, { method: 'GET', path: '/health/readiness' }),
      send(running.port, { method: 'GET', path: '/health/liveness' }),
      send(running.port),
    ]);
    expect([ready.status, alive.status, late.status]).toEqual([503, 200, 503]);
    expect(await slow).toEqual({ status: 204, text: '' });
    expect(await running.ended()).toBe(0);
    expect(running.log().match(/"closed"/g)).toHaveLength(1);
  });

  test('serveFunction() answers 429 to more events than it may hold, and takes them once there is room', async (context) => {
    const running = await startReady(context, { MAX_IN_FLIGHT: '3' });
    const held = [1, 2, 3].map(() => send(running.port, toDo('wait', 3_000)));
    await vi.waitFor(() => expect(running.log().match(/"begun"/g)).toHaveLength(3), 10_000);
    const refused = await Promise.all([send(running.port), send(running.port)]);
    expect(refused).toEqual(refused.map(() => ({ status: 429, text: 'Busy: send the event again' })));
    for (const one of held) expect((await one).status).toBe(204);
    expect((await send(running.port)).status).toBe(204);
  });

  test('serveFunction() answers 429 to more bytes than it may hold, but takes one event however large', async (context) => {
    const running = await startReady(context, { MAX_IN_FLIGHT_BYTES: '4096' });
    const large = { body: JSON.stringify({ do: 'wait', ms: 3_000, padding: 'x'.repeat(8_000) }) };
    const held = send(running.port, large);
    await running.logged('"begun"');
    expect((await send(running.port, large)).status).toBe(429);
    // In chunks nobody knows how many will come.
    expect(
      (await send(running.port, { body: [Buffer.from('{"do":'), Buffer.from('"nothing"}')] })).status,
    ).toBe(429);
    expect((await held).status).toBe(204);
    expect((await send(running.port)).status).toBe(204);
  });

  test('serveFunction() closes its connections once, when it is told to stop twice', async (context) => {
    const running = await startReady(context, { CLOSE_MS: '300' });
    running.child.kill('SIGTERM');
    await running.logged('"closed"');
    running.child.kill('SIGINT');
    expect(await running.ended()).toBe(0);
    expect(running.log().match(/"closed"/g)).toHaveLength(1);
  });

  test('serveFunction() gives up on a running request and ends with 0, when the drain deadline passes', async (context) => {
    const running = await startReady(context, { DRAIN_MS: '100' });
    const slow = send(running.port, toDo('wait', 60_000));
    await running.logged('"begun"');
    running.child.kill('SIGTERM');
    await expect(slow).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(await running.ended()).toBe(0);
    expect(running.log()).toContain('"closed"');
  });

  test.for(['crash', 'reject'])(
    'serveFunction() ends with 1, when the function has a fault nobody handles (%s)',
    async (what, context) => {
      const running = await startReady(context);
      await expect(send(running.port, toDo(what))).rejects.toThrow(/ECONNRESET|socket hang up/);
      expect(await running.ended()).toBe(1);
      expect(running.log()).toMatch(/"level":"fatal".*Cannot go on: nobody/);
    },
  );

  test('serveFunction() answers 500 and ends with 1, when the handler throws a FatalError', async (context) => {
    const running = await startReady(context);
    expect(await send(running.port, toDo('fatal'))).toEqual({
      status: 500,
      text: 'Cannot go on: broken wiring',
    });
    expect(await running.ended()).toBe(1);
  });

  test('runFunction() ends with 1 and one line on standard error, when a variable is malformed', async () => {
    const running = await startFunction({ DRAIN_MS: 'soon', LOG_LEVEL: 'loud' });
    expect(await running.ended()).toBe(1);
    expect(running.log()).toMatch(/^fixture: Cannot start: LOG_LEVEL: .*; DRAIN_MS: .*\n$/);
    expect(running.log()).not.toMatch(/soon|loud/);
  });
});
