import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { event, events, offsetsOf, setUp, topics, upTo } from './bench.ts';

describe.concurrent('dead letters', () => {
  test('a dead letter is the event, with where it was sent, the status, and the first 1 KB of the answer', async (context) => {
    const bench = await setUp(context);
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

  test('a dead letter carries the last answer, when the tries are spent', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 1 } });
    bench.sink.answer(({ earlierTries }) => ({ status: 500 + earlierTries, body: `try ${earlierTries}` }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).toMatchObject({
      ce_knativeerrorcode: '501',
      ce_knativeerrordata: Buffer.from('try 1').toString('base64'),
    });
  });

  test('a dead letter has no code and no data, when there was no answer in time', async (context) => {
    const bench = await setUp(context, { delivery: { retry: 0, timeoutMs: 100 } });
    bench.sink.answer(() => ({ hang: 'headers' }));
    await topics.produce(bench.topic, events(1));
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.headers).toHaveProperty('ce_knativeerrordest');
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrorcode');
    expect(dead?.headers).not.toHaveProperty('ce_knativeerrordata');
  });

  test('a dead letter has no key, when the event does not name it as its partition key', async (context) => {
    const bench = await setUp(context);
    bench.sink.answer(() => ({ status: 422 }));
    await topics.produce(bench.topic, [event('one', { key: 'lost' })]);
    await bench.start();
    const [dead] = await topics.read(bench.dead, 1);
    expect(dead?.key).toBeNull();
  });

  test('the dead letter of a plain record is a whole event, with the key', async (context) => {
    const bench = await setUp(context);
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

  test('dead letters of many partitions at once are all kept', async (context) => {
    const bench = await setUp(context, { partitions: 12 });
    bench.sink.answer(() => ({ status: 422 }));
    await topics.produce(
      bench.topic,
      upTo(12).flatMap((partition) => events(20, partition)),
    );
    await bench.start();
    const dead = await topics.read(bench.dead, 240);
    expect(new Set(dead.map(({ headers }) => headers['ce_id'])).size).toBe(240);
  });

  test('a record is dropped and the offset moves on, when there is no dead letter sink', async (context) => {
    const bench = await setUp(context, { delivery: { deadLetterTopic: null } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 422 : 204 }));
    await topics.produce(bench.topic, events(2));
    const running = await bench.start();
    await bench.sink.until(2);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
  });

  test('a record is dropped and the offset moves on, when the dead letter sink fails', async (context) => {
    const bench = await setUp(context, { delivery: { deadLetterTopic: `contract-missing-${randomUUID()}` } });
    bench.sink.answer(({ offset }) => ({ status: offset === 0 ? 422 : 204 }));
    await topics.produce(bench.topic, events(2));
    const running = await bench.start();
    await bench.sink.until(2, 60_000);
    await running.stop();
    expect(offsetsOf(bench.sink)).toEqual([0, 1]);
    expect(await topics.committed(bench.plan.consumerGroup, bench.topic)).toBe(2);
  });
});
