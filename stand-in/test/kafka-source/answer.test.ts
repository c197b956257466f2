import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { events, eventually, offsetsOf, setUp, topics, upTo } from './bench.ts';

const DONE = [200, 201, 202, 204, 206, 299];
const RETRIED = [500, 501, 502, 503, 504, 507, 599, 404, 408, 409, 429];
const GIVEN_UP = [300, 301, 302, 307, 308, 400, 401, 403, 405, 406, 410, 411, 413, 415, 418, 422, 431, 451];

describe.concurrent('the answer decides', () => {
  test('a status below 300 is done', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(({ offset }) => ({ status: DONE[offset] ?? 204 }));
    await topics.produce(bench.topic, events(DONE.length));
    const running = await bench.start();
    await bench.sink.until(DONE.length);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual(upTo(DONE.length));
    expect(await topics.size(bench.dead)).toBe(0);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(DONE.length);
  });

  test('5xx, 404, 408, 409 and 429 are tried again', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(({ offset, earlierTries }) => ({
      status: earlierTries === 0 ? (RETRIED[offset] ?? 500) : 204,
    }));
    await topics.produce(bench.topic, events(RETRIED.length));
    const running = await bench.start();
    await bench.sink.until(RETRIED.length * 2);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual(upTo(RETRIED.length).flatMap((offset) => [offset, offset]));
    expect(await topics.size(bench.dead)).toBe(0);
  });

  test('every other 3xx and 4xx goes to the dead letters at once, and no other redirection than a 303 is followed', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(({ offset }) => ({
      status: GIVEN_UP[offset] ?? 400,
      headers: { location: `${bench.sink.url}elsewhere` },
    }));
    await topics.produce(bench.topic, events(GIVEN_UP.length));
    await bench.start();
    const dead = await topics.read(bench.dead, GIVEN_UP.length);
    expect(offsetsOf(bench.sink)).toEqual(upTo(GIVEN_UP.length));
    expect(dead.map(({ headers }) => Number(headers['ce_knativeerrorcode']))).toEqual(GIVEN_UP);
    expect(bench.sink.requests.every(({ url }) => url === '/')).toBe(true);
  });

  test.for([
    { fault: 'no answer in time', answer: { hang: 'headers' } },
    { fault: 'a connection that is cut', answer: { reset: 'headers' } },
    { fault: 'a connection that is cut within the answer', answer: { status: 200, reset: 'body' } },
  ] as const)('$fault is tried again', async ({ answer }, context) => {
    const bench = await setUp(context, { delivery: { timeoutMs: 300 } });
    bench.sink.answer(({ offset, earlierTries }) =>
      offset === 0 && earlierTries === 0 ? answer : { status: 204 },
    );
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(3);
    expect(offsetsOf(bench.sink)).toEqual([0, 0, 1]);
  });

  test('an answer whose end never comes is not given up: it holds its partition, and no other', async (context) => {
    const bench = await setUp(context, { partitions: 2, delivery: { timeoutMs: 300 } });
    bench.sink.answer(({ partition }) => (partition === 0 ? { status: 200, hang: 'body' } : { status: 204 }));
    await topics.produce(bench.topic, [...events(3, 0), ...events(3, 1)]);
    await bench.start();
    await eventually(async () => offsetsOf(bench.sink, 1).length === 3);
    // Far beyond the time-out, and beyond all tries.
    await sleep(1_500);
    expect(offsetsOf(bench.sink, 0)).toEqual([0]);
    expect(await topics.size(bench.dead)).toBe(0);
    bench.sink.cut();
  });

  test('a 303 is followed as GET, and the answer there decides', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(({ method }) =>
      method === 'POST' ? { status: 303, headers: { location: '/elsewhere' } } : { status: 204 },
    );
    await topics.produce(bench.topic, events(1));
    const running = await bench.start();
    await bench.sink.until(2);
    await running.stop();
    const [, followed] = bench.sink.requests;
    expect(followed).toMatchObject({ method: 'GET', url: '/elsewhere' });
    expect(followed?.body).toHaveLength(0);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(1);
    expect(await topics.size(bench.dead)).toBe(0);
  });

  test('a 303 that leads to another one is followed 16 times, then given up', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(() => ({ status: 303, headers: { location: '/' } }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers['ce_knativeerrorcode']).toBe('303');
    expect(bench.sink.requests.map(({ method }) => method)).toEqual(['POST', ...Array(16).fill('GET')]);
  });

  test('a back-off below a tenth of a second is no retry', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 5, backoffDelayMs: 99 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 503 : 204 }));
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(2);
    await topics.read(bench.dead, 1);
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
  });

  test('a function that is not there is tried again', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 2 } });
    await bench.sink.close();
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrorcode');
  });

  test('Retry-After is ignored', async (context) => {
    const bench = await setUp(context, { delivery: { backoffDelayMs: 100 } });
    bench.sink.answer(({ earlierTries }) =>
      earlierTries === 0 ? { status: 429, headers: { 'retry-after': '3600' } } : { status: 204 },
    );
    await topics.produce(bench.topic, events(1));
    await bench.start();
    await bench.sink.until(2);
  });

  test('a record is tried as often as it says and once more, then given up', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 4 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 503 : 204 }));
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(6);
    expect(offsetsOf(bench.sink)).toEqual([0, 0, 0, 0, 0, 1]);
    expect(await topics.size(bench.dead)).toBe(1);
  });

  test('a record is tried once, when there is no retry', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 0 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 503 : 204 }));
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(2);
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.size(bench.dead)).toBe(1);
  });

  test.for([
    { backoffPolicy: 'linear', backoffDelayMs: 100, waits: [100, 200, 300] },
    { backoffPolicy: 'exponential', backoffDelayMs: 100, waits: [200, 400, 800] },
  ] as const)('$backoffPolicy back-off waits longer each time', async ({ waits, ...delivery }, context) => {
    const bench = await setUp(context, { delivery });
    bench.sink.answer(({ earlierTries }) => ({ status: earlierTries < 3 ? 500 : 204 }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const requests = await bench.sink.until(4);
    for (const [n, waitMs] of waits.entries()) {
      const gapMs = (requests[n + 1]?.atMs ?? 0) - (requests[n]?.atMs ?? 0);
      // A timer may be a millisecond early by this clock.
      expect(gapMs).toBeGreaterThanOrEqual(waitMs - 2);
    }
  });

  test('an event in the answer is ignored', async (context) => {
    const bench = await setUp(context);
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': 'reply',
      'ce-source': '/reply',
      'ce-type': 'reply',
      'content-type': 'application/json',
    };
    bench.sink.answer(() => ({ status: 200, headers, body: '{"reply":true}' }));
    await topics.produce(bench.topic, events(2));
    const running = await bench.start();
    await bench.sink.until(2);
    await running.stop();
    expect(await topics.size(bench.topic)).toBe(2);
    expect(await topics.size(bench.dead)).toBe(0);
  });
});
