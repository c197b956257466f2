import { describe, expect, test } from 'vitest';
import { commitsTo, events, eventually, offsetsOf, setUp, target, topics, upTo } from './bench.ts';

describe.concurrent('at least once', () => {
  test('what a killed source had delivered and not committed comes again', async (context) => {
    const bench = await setUp(context, { partitions: 2 });
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

  test('what is under way when a source is stopped ends and is committed, and nothing comes again', async (context) => {
    const bench = await setUp(context);
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

  test('a record that is being tried again when its source is stopped is not given up', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 1_000, backoffDelayMs: 100 } });
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

  test('offsets are committed on a timer, only up to the first record of a partition that is not settled', async (context) => {
    const bench = await setUp(context, { partitions: 2 });
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

  test('a new group begins with the oldest record, when the initial offset is earliest', async (context) => {
    const bench = await setUp(context, { initialOffset: 'earliest' });
    await topics.produce(bench.topic, events(3));
    await bench.start();
    await bench.sink.until(3);
    expect(offsetsOf(bench.sink)).toEqual([0, 1, 2]);
  });

  test('a new group begins with the next record, when the initial offset is latest', async (context) => {
    const bench = await setUp(context, { initialOffset: 'latest' });
    await topics.produce(bench.topic, events(3));
    const first = await bench.start();
    await topics.produce(bench.topic, events(2));
    await bench.sink.until(2);
    await first.stop();
    expect(offsetsOf(bench.sink)).toEqual([3, 4]);
  });

  test('nothing is skipped while a source is away that has seen no record yet, when the initial offset is latest', async (context) => {
    const bench = await setUp(context, { initialOffset: 'latest' });
    await topics.produce(bench.topic, events(3));
    await (await bench.start()).stop();
    await topics.produce(bench.topic, events(2));
    await bench.start();
    await bench.sink.until(2);
    expect(offsetsOf(bench.sink)).toEqual([3, 4]);
  });
});
