import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { commitsTo, event, events, eventually, offsetsOf, setUp, topics, upTo } from './bench.ts';

/** Two polls are 200 ms apart; what is seen at the sink of it is less by what the first request took longer. */
const POLL_SPAN_MS = 0.9 * 200;

describe.concurrent('ordered', () => {
  test('one request is under way per partition, partitions go side by side, and order is kept', async (context) => {
    const bench = await setUp(context, { partitions: 3 });
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

  test('other partitions go on while one is tried again, with more than a poll of its records waiting', async (context) => {
    const bench = await setUp(context, { partitions: 2, delivery: { retry: 1_000, backoffDelayMs: 100 } });
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

  test('a dispatcher takes no more than 50 records of a source on each tick of its 200 ms timer', async (context) => {
    const bench = await setUp(context, { partitions: 2 });
    await topics.produce(bench.topic, [...events(130, 0), ...events(130, 1)]);
    await bench.start();
    const requests = await bench.sink.until(260);
    // Six polls at least. A lower bound: a busy machine only makes it longer.
    expect((requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0)).toBeGreaterThan(4 * POLL_SPAN_MS);
  });

  test('two dispatchers take twice as many', async (context) => {
    const bench = await setUp(context, { partitions: 2, dispatchers: 2 });
    const running = await bench.start();
    await eventually(async () => (await topics.shares(bench.plan.consumerGroup)).join() === '1,1');
    await topics.produce(bench.topic, [...events(250, 0), ...events(250, 1)]);
    const requests = await bench.sink.until(500);
    // One would need ten polls, two need five each.
    const spanMs = (requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0);
    expect(spanMs).toBeGreaterThan(3 * POLL_SPAN_MS);
    expect(new Set(requests.map(({ partition, offset }) => `${partition} ${offset}`)).size).toBe(500);
    await running.stop();
  });

  test('a poll takes no more than 64 KiB of a partition, as they lie in Kafka', async (context) => {
    const bench = await setUp(context);
    // A request each, for a batch is never cut.
    for (let n = 0; n < 10; n++)
      await topics.produce(bench.topic, [event(`${n}`, { value: randomBytes(30_000) })]);
    await bench.start();
    const requests = await bench.sink.until(10);
    expect((requests.at(-1)?.atMs ?? 0) - (requests[0]?.atMs ?? 0)).toBeGreaterThan(3 * POLL_SPAN_MS);
    expect(offsetsOf(bench.sink)).toEqual(upTo(10));
  });
});

describe.concurrent('unordered', () => {
  test('many requests of one partition are under way at once, and no timer holds them back', async (context) => {
    const bench = await setUp(context, { ordering: 'unordered' });
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

  test('offsets are committed only up to the first record that is not settled', async (context) => {
    const bench = await setUp(context, { ordering: 'unordered' });
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
