import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { backoffMs } from '../src/knative/deliver.ts';
import type { DeliveryPlan, SourcePlan } from '../src/knative/plan.ts';
import { type ContractTarget, type RunningSource, standIn } from './contract-target.ts';
import { type ContractTopics, openTopics } from './contract-topics.ts';
import { type EventSink, startEventSink } from './event-sink.ts';

/**
 * The contract of KafkaSource, sentence by sentence as design §2 has it, seen from the function: over HTTP, with real
 * topics. It can be held against the real dispatcher by another `ContractTarget`.
 */
const target: ContractTarget = standIn(inject('kafkaBrokers'));
let topics: ContractTopics;

beforeAll(async () => {
  topics = await openTopics(inject('kafkaBrokers'));
});
afterAll(() => topics.close());

interface Bench {
  readonly sink: EventSink;
  readonly plan: SourcePlan;
  readonly topic: string;
  readonly dead: string;
  start(): Promise<RunningSource>;
}

interface Wishes extends Partial<Omit<SourcePlan, 'delivery'>> {
  readonly delivery?: Partial<DeliveryPlan>;
  readonly partitions?: number;
}

/** A sink and topics of the test's own, and a source that is not started yet. */
async function setUp({ delivery, partitions = 1, ...wishes }: Wishes = {}): Promise<Bench> {
  const sink = await startEventSink();
  onTestFinished(() => sink.close());
  const [topic, dead] = await Promise.all([topics.create(partitions), topics.create()]);
  const plan: SourcePlan = {
    name: 'contract',
    topic,
    consumerGroup: `contract-${randomUUID()}`,
    consumers: 1,
    initialOffset: 'earliest',
    ordering: 'ordered',
    sink: 'function',
    ...wishes,
    delivery: {
      retry: 3,
      backoffPolicy: 'linear',
      backoffDelayMs: 20,
      timeoutMs: 5_000,
      deadLetterTopic: dead,
      ...delivery,
    },
  };
  const start = async (): Promise<RunningSource> => {
    const running = await target.start(plan, sink.url);
    onTestFinished(() => running.stop());
    return running;
  };
  return { sink, plan, topic, dead, start };
}

/** A whole CloudEvent as our producers write it. */
function event(id: string, { headers, value, ...more }: Partial<Message> = {}): Message {
  return {
    ...more,
    value: value === undefined ? JSON.stringify({ id }) : value,
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: '/feeds/test',
      ce_type: 'io.kandle.test.v1',
      'content-type': 'application/json',
      ...headers,
    },
  };
}

function events(count: number, partition = 0): Message[] {
  return Array.from({ length: count }, (_, n) => event(`${partition}-${n}`, { partition }));
}

const offsetsOf = (sink: EventSink, partition = 0): number[] =>
  sink.requests.filter((request) => request.partition === partition).map(({ offset }) => offset);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

async function eventually(condition: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It did not come true in ${deadlineMs} ms`);
    await sleep(50);
  }
}

/** Every commit is made, even one that the source makes on its timer only. */
const commitsTo = (bench: Bench, offset: number, partition = 0): Promise<void> =>
  eventually(
    async () => (await topics.committed(bench.plan.consumerGroup, bench.topic, partition)) === offset,
  );

describe('the request', () => {
  test('one record is one POST over HTTP/1.1 in binary mode, and gains its partition and offset', async () => {
    const bench = await setUp();
    const value = JSON.stringify({ text: 'Zürich ↯', numbers: [1, 2.5] });
    await topics.produce(bench.topic, [
      event('a:1', {
        value,
        headers: { ce_shard: 'test-03', ce_sequence: '17', ce_time: '2024-05-01T00:00:00Z' },
      }),
      event('a:2'),
    ]);
    await bench.start();
    const [first, second] = await bench.sink.until(2);
    expect(first).toMatchObject({ method: 'POST', url: '/', httpVersion: '1.1' });
    expect(first?.body.toString()).toBe(value);
    const attributes = Object.entries(first?.headers ?? {}).filter(([name]) => name.startsWith('ce-'));
    expect(Object.fromEntries(attributes)).toEqual({
      'ce-specversion': '1.0',
      'ce-id': 'a:1',
      'ce-source': '/feeds/test',
      'ce-type': 'io.kandle.test.v1',
      'ce-shard': 'test-03',
      'ce-sequence': '17',
      'ce-time': '2024-05-01T00:00:00Z',
      'ce-knativekafkapartition': '0',
      'ce-knativekafkaoffset': '0',
    });
    expect(first?.headers['content-type']).toBe('application/json');
    expect(second?.headers).toMatchObject({ 'ce-id': 'a:2', 'ce-knativekafkaoffset': '1' });
    expect(bench.sink.requests).toHaveLength(2);
  });

  test('a record without data is a POST without a body', async () => {
    const bench = await setUp();
    await topics.produce(bench.topic, [event('empty', { value: null })]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['ce-id']).toBe('empty');
    expect(request?.body).toHaveLength(0);
  });

  test('key, topic and other headers of a CloudEvent are lost, and its trace goes on', async () => {
    const bench = await setUp();
    const trace = '0af7651916cd43dd8448eb211c80319c';
    const headers = {
      traceparent: `00-${trace}-b7ad6b7169203331-01`,
      other: 'other-value',
      'X-More': 'more-value',
    };
    await topics.produce(bench.topic, [event('one', { key: 'the-key', headers })]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['traceparent']).toContain(trace);
    const text = JSON.stringify(request?.headers);
    for (const lost of ['the-key', bench.topic, 'other-value', 'more-value'])
      expect(text).not.toContain(lost);
  });

  test.each(['ce_specversion', 'ce_id', 'ce_source', 'ce_type'])(
    'a record without %s is treated as plain, and delivered all the same',
    async (missing) => {
      const bench = await setUp();
      const { headers, ...whole } = event('whole', { key: 'the-key' });
      const left = Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => name !== missing));
      await topics.produce(bench.topic, [{ ...whole, headers: left }, event('next')]);
      await bench.start();
      const [request, next] = await bench.sink.until(2);
      expect(request?.headers).toMatchObject({
        'ce-specversion': '1.0',
        'ce-type': 'dev.knative.kafka.event',
        'ce-id': 'partition:0/offset:0',
        'ce-subject': 'partition:0#0',
        'ce-key': 'the-key',
        'ce-knativekafkaoffset': '0',
        'content-type': 'application/json',
      });
      expect(request?.headers['ce-source']).toMatch(
        new RegExp(`^/apis/v1/namespaces/[^/]+/kafkasources/[^/]+#${bench.topic}$`),
      );
      expect(request?.body.toString()).toBe('{"id":"whole"}');
      expect(next?.headers['ce-id']).toBe('next');
    },
  );

  test('a record without headers is a plain event, with its bytes as they are', async () => {
    const bench = await setUp();
    const value = randomBytes(300);
    await topics.produce(bench.topic, [{ value }]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers['ce-type']).toBe('dev.knative.kafka.event');
    expect(request?.headers).not.toHaveProperty('ce-key');
    expect(request?.body.equals(value)).toBe(true);
  });

  test('a record in structured mode is sent in binary mode', async () => {
    const bench = await setUp();
    const structured = {
      specversion: '1.0',
      id: 's',
      source: '/feeds/test',
      type: 'io.kandle.test.v1',
      shard: 'x',
    };
    const data = { price: 1.5 };
    await topics.produce(bench.topic, [
      {
        value: JSON.stringify({ ...structured, datacontenttype: 'application/json', data }),
        headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
      },
    ]);
    await bench.start();
    const [request] = await bench.sink.until(1);
    expect(request?.headers).toMatchObject({
      'ce-id': 's',
      'ce-type': 'io.kandle.test.v1',
      'ce-shard': 'x',
      'content-type': 'application/json',
    });
    expect(JSON.parse(request?.body.toString() ?? '')).toEqual(data);
  });

  test('an attribute that HTTP cannot carry does not block the partition', async () => {
    const bench = await setUp();
    await topics.produce(bench.topic, [
      event('one', { headers: { ce_subject: 'Zürich → Genève\r\nx-evil: 1' } }),
      event('two', { headers: { 'ce_bad name': 'x' } }),
      event('three'),
    ]);
    await bench.start();
    const requests = await bench.sink.until(3);
    expect(requests[0]?.headers).not.toHaveProperty('x-evil');
    expect(requests[2]?.headers['ce-id']).toBe('three');
  });
});

describe('ordered', () => {
  test('one request is under way per partition, partitions go side by side, and order is kept', async () => {
    const bench = await setUp({ partitions: 3 });
    bench.sink.answer(() => ({ status: 204, delayMs: 20 }));
    await topics.produce(bench.topic, [...events(12, 0), ...events(12, 1), ...events(12, 2)]);
    await bench.start();
    await bench.sink.until(36);
    for (const partition of [0, 1, 2]) {
      expect(offsetsOf(bench.sink, partition)).toEqual(upTo(12));
      expect(bench.sink.maxInFlight(partition)).toBe(1);
    }
    expect(bench.sink.maxInFlight()).toBe(3);
  });

  test('other partitions go on while one is tried again, with more than a poll of its records waiting', async () => {
    const bench = await setUp({ partitions: 2, delivery: { retry: 1_000, backoffDelayMs: 30 } });
    let broken = true;
    bench.sink.answer(({ partition, offset }) => ({
      status: broken && partition === 0 && offset === 1 ? 503 : 204,
    }));
    await topics.produce(bench.topic, [...events(1, 0), ...events(1, 1)]);
    await bench.start();
    await bench.sink.until(2);
    await topics.produce(bench.topic, events(150, 0));
    await eventually(async () => offsetsOf(bench.sink, 0).length > 3);
    await topics.produce(bench.topic, events(150, 1));
    await eventually(async () => offsetsOf(bench.sink, 1).length === 151);
    expect(offsetsOf(bench.sink, 1)).toEqual(upTo(151));
    expect(new Set(offsetsOf(bench.sink, 0))).toEqual(new Set([0, 1]));
    broken = false;
    await eventually(async () => new Set(offsetsOf(bench.sink, 0)).size === 151);
    expect([...new Set(offsetsOf(bench.sink, 0))]).toEqual(upTo(151));
  });

  test('a consumer takes no more than 50 records on each tick of its 200 ms timer', async () => {
    const bench = await setUp({ partitions: 2 });
    await topics.produce(bench.topic, [...events(130, 0), ...events(130, 1)]);
    await bench.start();
    const requests = await bench.sink.until(260);
    // Six polls at least. A lower bound: a busy machine only makes it longer.
    expect((requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0)).toBeGreaterThan(4 * POLL_SPAN_MS);
  });

  test('two consumers take twice as many', async () => {
    const bench = await setUp({ partitions: 2, consumers: 2 });
    const running = await bench.start();
    await eventually(async () => (await topics.shares(bench.plan.consumerGroup)).join() === '1,1');
    await topics.produce(bench.topic, [...events(250, 0), ...events(250, 1)]);
    const requests = await bench.sink.until(500);
    // One consumer would need ten polls, two need five each.
    const spanMs = (requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0);
    expect(spanMs).toBeGreaterThan(3 * POLL_SPAN_MS);
    expect(new Set(requests.map(({ partition, offset }) => `${partition} ${offset}`)).size).toBe(500);
    await running.stop();
  });

  test('a poll takes no more than 64 KiB of a partition, as they lie in Kafka', async () => {
    const bench = await setUp();
    // A request each, for a batch is never cut.
    for (let n = 0; n < 10; n++)
      await topics.produce(bench.topic, [event(`${n}`, { value: randomBytes(30_000) })]);
    await bench.start();
    const requests = await bench.sink.until(10);
    expect((requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0)).toBeGreaterThan(3 * POLL_SPAN_MS);
    expect(offsetsOf(bench.sink)).toEqual(upTo(10));
  });
});

describe('unordered', () => {
  test('many requests of one partition are under way at once, and no timer holds them back', async () => {
    const bench = await setUp({ ordering: 'unordered' });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    bench.sink.answer(() => ({ status: 204, after: gate }));
    await topics.produce(bench.topic, events(1_500));
    await bench.start();
    await bench.sink.until(50);
    await sleep(500);
    // New records are polled while fewer than 50 are under way.
    expect(bench.sink.maxInFlight()).toBeGreaterThanOrEqual(50);
    expect(bench.sink.maxInFlight()).toBeLessThan(100);
    const openedMs = performance.now();
    open();
    await bench.sink.until(1_500);
    // The timer of ordered delivery would need 29 ticks.
    expect(performance.now() - openedMs).toBeLessThan(25 * 200);
    expect(new Set(offsetsOf(bench.sink)).size).toBe(1_500);
  });

  test('offsets are committed only up to the first record that is not settled', async () => {
    const bench = await setUp({ ordering: 'unordered' });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    bench.sink.answer(({ offset }) => (offset === 3 ? { status: 204, after: gate } : { status: 204 }));
    await topics.produce(bench.topic, events(10));
    await bench.start();
    await bench.sink.until(10);
    await commitsTo(bench, 3);
    open();
    await commitsTo(bench, 10);
  });
});

describe('at least once', () => {
  test('what a killed source had delivered and not committed comes again', async () => {
    const bench = await setUp({ partitions: 2 });
    await topics.produce(bench.topic, [...events(20, 0), ...events(20, 1)]);
    const first = await target.startApart(bench.plan, bench.sink.url);
    await bench.sink.until(40);
    await first.kill();
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(-1);
    await bench.start();
    await bench.sink.until(80, 60_000);
    for (const partition of [0, 1])
      expect(offsetsOf(bench.sink, partition)).toEqual([...upTo(20), ...upTo(20)]);
  });

  test('what is under way when a source is stopped ends and is committed, and nothing comes again', async () => {
    const bench = await setUp();
    bench.sink.answer(() => ({ status: 204, delayMs: 50 }));
    await topics.produce(bench.topic, events(10));
    const first = await target.start(bench.plan, bench.sink.url);
    await bench.sink.until(3);
    await first.stop();
    const before = offsetsOf(bench.sink).length;
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(before);
    await bench.start();
    await bench.sink.until(10);
    expect(offsetsOf(bench.sink)).toEqual(upTo(10));
  });

  test('a record that is being tried again when its source is stopped is not given up', async () => {
    const bench = await setUp({ delivery: { retry: 1_000, backoffDelayMs: 50 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 2 ? 503 : 204 }));
    await topics.produce(bench.topic, events(5));
    const first = await target.start(bench.plan, bench.sink.url);
    await bench.sink.until(5);
    await first.stop();
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
    expect(await topics.size(bench.dead)).toBe(0);
    bench.sink.answer(() => ({ status: 204 }));
    await bench.start();
    await eventually(async () => offsetsOf(bench.sink).includes(4));
    expect(offsetsOf(bench.sink).slice(-3)).toEqual([2, 3, 4]);
  });

  test('offsets are committed on a timer, only up to the first record of a partition that is not settled', async () => {
    const bench = await setUp({ partitions: 2 });
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    bench.sink.answer(({ partition, offset }) =>
      partition === 0 && offset === 4 ? { status: 204, after: gate } : { status: 204 },
    );
    await topics.produce(bench.topic, [...events(10, 0), ...events(10, 1)]);
    await bench.start();
    await Promise.all([commitsTo(bench, 4, 0), commitsTo(bench, 10, 1)]);
    open();
    await commitsTo(bench, 10, 0);
  });

  test('a new group begins with the oldest record, when the initial offset is earliest', async () => {
    const bench = await setUp({ initialOffset: 'earliest' });
    await topics.produce(bench.topic, events(3));
    await bench.start();
    await bench.sink.until(3);
    expect(offsetsOf(bench.sink)).toEqual([0, 1, 2]);
  });

  test('a new group begins with the next record, when the initial offset is latest', async () => {
    const bench = await setUp({ initialOffset: 'latest' });
    await topics.produce(bench.topic, events(3));
    const first = await bench.start();
    await topics.produce(bench.topic, events(2));
    await bench.sink.until(2);
    await first.stop();
    expect(offsetsOf(bench.sink)).toEqual([3, 4]);
  });

  test('nothing is skipped while a source is away that has seen no record yet, when the initial offset is latest', async () => {
    const bench = await setUp({ initialOffset: 'latest' });
    await topics.produce(bench.topic, events(3));
    await (await bench.start()).stop();
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(2);
    expect(offsetsOf(bench.sink)).toEqual([3, 4]);
  });
});

/** Two polls are 200 ms apart; what is seen at the sink of it is less by what the first request took longer. */
const POLL_SPAN_MS = 0.9 * 200;
const DONE = [200, 201, 202, 204, 206, 299];
const RETRIED = [500, 501, 502, 503, 504, 507, 599, 404, 408, 409, 429];
const GIVEN_UP = [
  300, 301, 302, 303, 307, 308, 400, 401, 403, 405, 406, 410, 411, 413, 415, 418, 422, 431, 451,
];

describe('the answer decides', () => {
  test('a status below 300 is done', async () => {
    const bench = await setUp();
    bench.sink.answer(({ offset }) => ({ status: DONE[offset] ?? 204 }));
    await topics.produce(bench.topic, events(DONE.length));
    const running = await bench.start();
    await bench.sink.until(DONE.length);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual(upTo(DONE.length));
    expect(await topics.size(bench.dead)).toBe(0);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(DONE.length);
  });

  test('5xx, 404, 408, 409 and 429 are tried again', async () => {
    const bench = await setUp();
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

  test('every other 3xx and 4xx goes to the dead letters at once, and no redirection is followed', async () => {
    const bench = await setUp();
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

  test.each([
    { fault: 'no answer in time', answer: { hang: 'headers' } },
    { fault: 'half an answer, and its end not in time', answer: { status: 200, hang: 'body' } },
    { fault: 'a connection that is cut', answer: { reset: 'headers' } },
    { fault: 'a connection that is cut within the answer', answer: { status: 200, reset: 'body' } },
  ] as const)('$fault is tried again', async ({ answer }) => {
    const bench = await setUp({ delivery: { timeoutMs: 300 } });
    bench.sink.answer(({ offset, earlierTries }) =>
      offset === 0 && earlierTries === 0 ? answer : { status: 204 },
    );
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(3);
    expect(offsetsOf(bench.sink)).toEqual([0, 0, 1]);
  });

  test('a function that is not there is tried again', async () => {
    const bench = await setUp({ delivery: { retry: 2, backoffDelayMs: 1 } });
    await bench.sink.close();
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrorcode');
  });

  test('Retry-After is ignored', async () => {
    const bench = await setUp({ delivery: { backoffDelayMs: 50 } });
    bench.sink.answer(({ earlierTries }) =>
      earlierTries === 0 ? { status: 429, headers: { 'retry-after': '3600' } } : { status: 204 },
    );
    await topics.produce(bench.topic, events(1));
    await bench.start();
    await bench.sink.until(2);
  });

  test('a record is tried as often as it says and once more, then given up', async () => {
    const bench = await setUp({ delivery: { retry: 4, backoffDelayMs: 5 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 503 : 204 }));
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(6);
    expect(offsetsOf(bench.sink)).toEqual([0, 0, 0, 0, 0, 1]);
    expect(await topics.size(bench.dead)).toBe(1);
  });

  test('a record is tried once, when there is no retry', async () => {
    const bench = await setUp({ delivery: { retry: 0 } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 503 : 204 }));
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(2);
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.size(bench.dead)).toBe(1);
  });

  test('backoffMs() is delay times n, or delay times 2 to the n, without cap', () => {
    const linear = { backoffPolicy: 'linear', backoffDelayMs: 5_000 } as DeliveryPlan;
    expect([1, 2, 3, 60].map((n) => backoffMs(linear, n))).toEqual([5_000, 10_000, 15_000, 300_000]);
    const exponential = { backoffPolicy: 'exponential', backoffDelayMs: 300 } as DeliveryPlan;
    expect([1, 2, 3, 10].map((n) => backoffMs(exponential, n))).toEqual([600, 1_200, 2_400, 307_200]);
  });

  test.each([
    { backoffPolicy: 'linear', backoffDelayMs: 60, waits: [60, 120, 180] },
    { backoffPolicy: 'exponential', backoffDelayMs: 40, waits: [80, 160, 320] },
  ] as const)('$backoffPolicy back-off waits longer each time', async ({ waits, ...delivery }) => {
    const bench = await setUp({ delivery });
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

  test('an event in the answer is ignored', async () => {
    const bench = await setUp();
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

describe('dead letters', () => {
  test('a dead letter is the event, with where it was sent, the status, and the first 1 KB of the answer', async () => {
    const bench = await setUp();
    const reason = Buffer.from(Array.from({ length: 1_500 }, (_, n) => (n * 7) % 256));
    bench.sink.answer(() => ({ status: 422, body: reason }));
    const value = randomBytes(500);
    const headers = { ce_partitionkey: 'test-03', ce_shard: 'test-03' };
    await topics.produce(bench.topic, [event('poison', { key: 'test-03', value, headers })]);
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.key).toBe('test-03');
    expect(dead?.value?.equals(value)).toBe(true);
    expect(dead?.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_id: 'poison',
      ce_source: '/feeds/test',
      ce_type: 'io.kandle.test.v1',
      ce_shard: 'test-03',
      ce_partitionkey: 'test-03',
      ce_knativekafkapartition: '0',
      ce_knativekafkaoffset: '0',
      'content-type': 'application/json',
      ce_knativeerrorcode: '422',
      ce_knativeerrordata: reason.subarray(0, 1_024).toString('base64'),
    });
    expect(dead?.headers['ce_knativeerrordest']).toMatch(/^http:\/\/function\./);
  });

  test('a dead letter carries the last answer, when the tries are spent', async () => {
    const bench = await setUp({ delivery: { retry: 1, backoffDelayMs: 1 } });
    bench.sink.answer(({ earlierTries }) => ({ status: 500 + earlierTries, body: `try ${earlierTries}` }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).toMatchObject({
      ce_knativeerrorcode: '501',
      ce_knativeerrordata: Buffer.from('try 1').toString('base64'),
    });
  });

  test('a dead letter has no code and no data, when there was no answer in time', async () => {
    const bench = await setUp({ delivery: { retry: 0, timeoutMs: 100 } });
    bench.sink.answer(() => ({ hang: 'headers' }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).toHaveProperty('ce_knativeerrordest');
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrorcode');
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrordata');
  });

  test('a dead letter has no key, when the event does not name it as its partition key', async () => {
    const bench = await setUp();
    bench.sink.answer(() => ({ status: 422 }));
    await topics.produce(bench.topic, [event('one', { key: 'lost' })]);
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.key).toBeNull();
  });

  test('the dead letter of a plain record is a whole event, with the key', async () => {
    const bench = await setUp();
    bench.sink.answer(() => ({ status: 422 }));
    const value = randomBytes(50);
    await topics.produce(bench.topic, [{ key: 'k', value, headers: { origin: 'somewhere' } }]);
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).toMatchObject({
      ce_specversion: '1.0',
      ce_type: 'dev.knative.kafka.event',
      ce_id: 'partition:0/offset:0',
      ce_kafkaheaderorigin: 'somewhere',
      ce_knativeerrorcode: '422',
    });
    expect(dead?.key).toBe('k');
    expect(dead?.value?.equals(value)).toBe(true);
  });

  test('dead letters of many partitions at once are all kept', async () => {
    const bench = await setUp({ partitions: 12 });
    bench.sink.answer(() => ({ status: 422 }));
    await topics.produce(
      bench.topic,
      upTo(12).flatMap((partition) => events(20, partition)),
    );
    await bench.start();
    const dead = await topics.read(bench.dead, 240);
    expect(new Set(dead.map(({ headers }) => headers['ce_id'])).size).toBe(240);
  });

  test('a record is dropped and the offset moves on, when there is no dead letter sink', async () => {
    const bench = await setUp({ delivery: { deadLetterTopic: null } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 422 : 204 }));
    await topics.produce(bench.topic, events(2));
    const running = await bench.start();
    await bench.sink.until(2);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
  });

  test('a record is dropped and the offset moves on, when the dead letter sink fails', async () => {
    const bench = await setUp({ delivery: { deadLetterTopic: `contract-missing-${randomUUID()}` } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 422 : 204 }));
    await topics.produce(bench.topic, events(2));
    const running = await bench.start();
    await bench.sink.until(2, 60_000);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
  });
});

describe('consumer groups', () => {
  test('two groups get every record each', async () => {
    const bench = await setUp();
    const other = await startEventSink();
    onTestFinished(() => other.close());
    await topics.produce(bench.topic, events(5));
    await bench.start();
    const second = await target.start(
      { ...bench.plan, consumerGroup: `contract-${randomUUID()}` },
      other.url,
    );
    onTestFinished(() => second.stop());
    await Promise.all([bench.sink.until(5), other.until(5)]);
    expect(offsetsOf(other)).toEqual(offsetsOf(bench.sink));
  });

  test('two consumers of a source share its partitions, and nothing comes twice', async () => {
    const bench = await setUp({ partitions: 4, consumers: 2 });
    const running = await bench.start();
    await eventually(async () => (await topics.shares(bench.plan.consumerGroup)).join() === '2,2');
    await topics.produce(
      bench.topic,
      upTo(4).flatMap((partition) => events(10, partition)),
    );
    await bench.sink.until(40);
    await running.stop();
    for (const partition of upTo(4)) expect(offsetsOf(bench.sink, partition)).toEqual(upTo(10));
  });

  test('two sources of a group share its partitions while records come, and one takes over when the other ends', async () => {
    const bench = await setUp({ partitions: 4 });
    const other = await startEventSink();
    onTestFinished(() => other.close());
    for (const sink of [bench.sink, other]) sink.answer(() => ({ status: 204, delayMs: 5 }));
    const seen = (): Set<string> =>
      new Set([...bench.sink.requests, ...other.requests].map((one) => `${one.partition} ${one.offset}`));
    let produced = 0;
    const produceSome = async (): Promise<void> => {
      await topics.produce(
        bench.topic,
        upTo(4).flatMap((partition) => events(60, partition)),
      );
      produced += 240;
    };
    await produceSome();
    const first = await bench.start();
    await bench.sink.until(20);
    const second = await target.start(bench.plan, other.url);
    onTestFinished(() => second.stop());
    await produceSome();
    await eventually(async () => (await topics.shares(bench.plan.consumerGroup)).join() === '2,2');
    await produceSome();
    await eventually(async () => seen().size === produced, 60_000);
    expect(other.requests.length).toBeGreaterThan(0);
    // What comes in from now on comes once: each partition has one owner.
    const before = bench.sink.requests.length + other.requests.length;
    await produceSome();
    await eventually(async () => seen().size === produced, 60_000);
    expect(bench.sink.requests.length + other.requests.length - before).toBe(240);
    await first.stop();
    await produceSome();
    await eventually(async () => seen().size === produced, 60_000);
    for (const partition of upTo(4)) expect(other.maxInFlight(partition)).toBe(1);
  });

  test('a source that loses a partition ends what is under way, and neither delivers nor commits more of it', async () => {
    const bench = await setUp({ partitions: 2, delivery: { retry: 1_000, backoffDelayMs: 20 } });
    const other = await startEventSink();
    onTestFinished(() => other.close());
    bench.sink.answer(() => ({ status: 503 }));
    await topics.produce(bench.topic, [...events(40, 0), ...events(40, 1)]);
    const first = await bench.start();
    await eventually(async () => [0, 1].every((partition) => offsetsOf(bench.sink, partition).length > 1));
    const second = await target.start(bench.plan, other.url);
    onTestFinished(() => second.stop());
    await other.until(40);
    const lost = other.requests[0]?.partition ?? 0;
    const kept = 1 - lost;
    bench.sink.answer(() => ({ status: 204 }));
    await eventually(async () => offsetsOf(bench.sink, kept).includes(39));
    await commitsTo(bench, 40, lost);
    expect(new Set(offsetsOf(bench.sink, lost))).toEqual(new Set([0]));
    await first.stop();
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic, lost)).toBe(40);
  });
});
