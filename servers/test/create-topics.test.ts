import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createTopics } from '../src/kafka/create-topics.ts';

const PARTITIONS = 24;
const TOPICS = 6;

test('createTopics() returns when each partition takes a record at the first try', async () => {
  const kafka = new Kafka({
    clientId: 'kandle-test',
    brokers: [...inject('kafkaBrokers')],
    logLevel: logLevel.NOTHING,
    // Whatever the broker is not ready for is seen.
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  await admin.connect();
  const names: string[] = [];
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: names }).catch(() => undefined);
    await admin.disconnect();
  });
  for (let round = 0; round < TOPICS; round++) {
    const topic = `served-${randomUUID()}`;
    names.push(topic);
    await createTopics(admin, [{ topic, partitions: PARTITIONS }]);
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, value: 'first' })),
    });
    await producer.disconnect();
    const ends = await admin.fetchTopicOffsets(topic);
    expect(ends.map(({ high }) => high)).toEqual(ends.map(() => '1'));
    expect(ends).toHaveLength(PARTITIONS);
  }
});
