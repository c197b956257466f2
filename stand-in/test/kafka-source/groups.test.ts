import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { startEventSink } from '../event-sink.ts';
import { commitsTo, events, eventually, offsetsOf, setUp, target, topics, upTo } from './bench.ts';

describe.concurrent('consumer groups', () => {
  test('two groups get every record each', async (context) => {
    const bench = await setUp(context);
    const other = await startEventSink();
    context.onTestFinished(() => other.close());
    await topics.produce(bench.topic, events(5));
    await bench.start();
    const second = await target.start(
      { ...bench.plan, consumerGroup: `contract-${randomUUID()}` },
      other.url,
    );
    context.onTestFinished(() => second.stop());
    await Promise.all([bench.sink.until(5), other.until(5)]);
    expect(offsetsOf(other)).toEqual(offsetsOf(bench.sink));
  });

  test('a source is one member of its group', async (context) => {
    const bench = await setUp(context, { partitions: 4 });
    await bench.start();
    await eventually(async () => (await topics.shares(bench.plan.consumerGroup)).join() === '4');
  });

  test('two dispatchers share the partitions of a source, and nothing comes twice', async (context) => {
    const bench = await setUp(context, { partitions: 4, dispatchers: 2 });
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

  test('two sources of a group share its partitions while records come, and one takes over when the other ends', async (context) => {
    const bench = await setUp(context, { partitions: 4 });
    const other = await startEventSink();
    context.onTestFinished(() => other.close());
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
    context.onTestFinished(() => second.stop());
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

  test('a source that loses a partition ends what is under way, and neither delivers nor commits more of it', async (context) => {
    const bench = await setUp(context, { partitions: 2, delivery: { retry: 1_000, backoffDelayMs: 100 } });
    const other = await startEventSink();
    context.onTestFinished(() => other.close());
    bench.sink.answer(() => ({ status: 503 }));
    await topics.produce(bench.topic, [...events(40, 0), ...events(40, 1)]);
    const first = await bench.start();
    await eventually(async () => [0, 1].every((partition) => offsetsOf(bench.sink, partition).length > 1));
    const second = await target.start(bench.plan, other.url);
    context.onTestFinished(() => second.stop());
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
