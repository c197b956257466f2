import { setTimeout as sleep } from 'node:timers/promises';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { joinGroup } from '@kandle/testkit/other-member';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createKafka, KafkaEnv } from '../src/kafka.ts';
import { createLogger } from '../src/log.ts';
import { readRecords } from '../src/read-records.ts';

test('readRecords() takes each record once, though its group was rebalanced while it read', async () => {
  const name = `read-records-${Date.now()}`;
  const settings = KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') });
  const kafka = createKafka(settings, name, createLogger(name, 'silent'));
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
  const taken: string[] = [];
  const ranges = partitions.map((partition) => ({ partition, from: 0n, to: 2n }));
  const limits = { name, deadlineMs: 60_000, maxRecords: 100 };
  const reading = readRecords(kafka, name, ranges, limits, (partition, { value }) => {
    taken.push(`${partition} ${String(value)}`);
  });
  while (taken.length < partitions.length) await sleep(10);
  const { groups } = await admin.listGroups();
  const groupId = groups.map((group) => group.groupId).find((id) => id.startsWith(name)) ?? '';
  const other = await joinGroup(kafka, groupId, [name]);
  await other.leave();
  await send('b');
  expect(await reading).toBe(true);
  expect(taken.toSorted()).toEqual(['0 a', '0 b', '1 a', '1 b']);
});
