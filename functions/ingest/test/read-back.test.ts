import { setTimeout as sleep } from 'node:timers/promises';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { joinGroup } from '@kandle/testkit/other-member';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { readOffsetRanges } from '../src/read-back/offset-range-consumer.ts';

test('a rebalance of its group while it reads back leaves nothing out', async () => {
  const name = `read-back-${Date.now()}`;
  const settings = KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') });
  const log = createLogger(name, 'silent');
  const kafka = createKafka(settings, name, log);
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [name] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  const partitions = [0, 1];
  await createTopics(admin, [{ topic: name, partitions: partitions.length }]);
  const send = (value: string) =>
    producer.send({ topic: name, messages: partitions.map((partition) => ({ partition, value })) });
  await send('a');
  const read: string[] = [];
  const ranges = partitions.map((partition) => ({ partition, from: 0, to: 3 }));
  const reading = readOffsetRanges(kafka, name, ranges, {
    sinceMs: 0,
    groupId: name,
    onMessage: ({ partition, value }) => read.push(`${partition} ${value}`),
    signal: new AbortController().signal,
    log,
  });
  while (read.length < partitions.length) await sleep(10);
  // Another member takes a partition, and leaves it again.
  const other = await joinGroup(kafka, name, [name]);
  await send('b');
  await other.leave();
  await vi.waitFor(async () => {
    const { groups } = await admin.describeGroups([name]);
    expect(groups.map(({ state, members }) => [state, members.length])).toEqual([['Stable', 1]]);
  }, 30_000);
  await send('c');
  expect(await reading).toBe(6);
  expect(read.toSorted()).toEqual(['0 a', '0 b', '0 c', '1 a', '1 b', '1 c']);
});
