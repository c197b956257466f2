import { Kafka, logLevel } from 'kafkajs';
import { expect, inject } from 'vitest';

/** The data of an event that is Avro. */
export interface AvroBytes {
  readonly type: string;
  readonly value: Buffer;
}

/** The records of topics, every one of which has to be Avro. */
export async function readAvro(topics: readonly string[]): Promise<readonly AvroBytes[]> {
  const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `avro-test-${Date.now()}`, maxWaitTimeInMs: 100 });
  await admin.connect();
  let missing = 0;
  for (const topic of topics)
    for (const { low, high } of await admin.fetchTopicOffsets(topic)) missing += Number(high) - Number(low);
  await admin.disconnect();
  const found: AvroBytes[] = [];
  const others: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message: { headers, value } }) => {
      const type = String(headers?.['ce_type']);
      if (String(headers?.['content-type']) === 'application/avro' && value !== null)
        found.push({ type, value });
      else others.push(type);
      if (found.length + others.length === missing) resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  expect(others).toEqual([]);
  return found;
}
