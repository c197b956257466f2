import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  EVENT,
  type RunningFunction,
  type Sent,
  send,
  startFunction,
  startReady,
  TIMEOUT,
  toDo,
} from '../test/running-function.ts';

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
      'larger',
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

  test.each([
    ['goes away in the middle of one', 100],
    ['sends one that does not end', 80_000_000],
  ])('serveFunction() serves the next event, when a sender %s', async (_, bytes) => {
    const headers = { ...EVENT, 'transfer-encoding': 'chunked' };
    const outgoing = request({ host: '127.0.0.1', port: served.port, method: 'POST', headers });
    outgoing.on('error', () => undefined);
    const closed = new Promise((resolve) => outgoing.once('close', resolve));
    outgoing.write(Buffer.alloc(bytes, ' '), () => {
      if (bytes === 100) outgoing.destroy();
    });
    await closed;
    expect(await send(served.port)).toEqual({ status: 204, text: '' });
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

  test('serveFunction() handles two large events at once and every small one, when a type has a bound of two', async () => {
    const large = (order: string): Sent => ({
      headers: { ...EVENT, 'ce-type': 'io.kandle.large.v1' },
      body: order,
    });
    const before = served.log().length;
    const answers = Promise.all(
      [1, 2, 3, 4, 5].map(() => send(served.port, large('{"do":"wait","ms":100}'))),
    );
    const last = send(served.port, large('no JSON'));
    expect(await send(served.port)).toMatchObject({ status: 204 });
    expect(await answers).toEqual(Array.from({ length: 5 }, () => ({ status: 204, text: '' })));
    expect(await last).toMatchObject({ status: 422 });
    await vi.waitFor(() =>
      expect(
        served
          .log()
          .slice(before)
          .match(/"ended"/g),
      ).toHaveLength(5),
    );
    let [running, most] = [0, 0];
    for (const [, step] of served
      .log()
      .slice(before)
      .matchAll(/"(begun|ended)"/g)) {
      running += step === 'begun' ? 1 : -1;
      most = Math.max(most, running);
    }
    expect(most).toBe(2);
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
