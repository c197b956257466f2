import { Kafka, logLevel } from 'kafkajs';
import { createTopics } from '../src/kafka/create-topics.ts';

function connect(brokers: readonly string[]): Kafka {
  return new Kafka({ clientId: 'kandle-test', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

/** Creates a topic of one partition and writes the values to it, acknowledged. */
export async function writeTopic(
  brokers: readonly string[],
  topic: string,
  values: readonly string[],
): Promise<void> {
  const kafka = connect(brokers);
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, partitions: 1 }]);
  await admin.disconnect();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  await producer.send({ topic, messages: values.map((value) => ({ value })) });
  await producer.disconnect();
}

/** The first values of a topic, in order, once there are so many. */
export async function readTopic(brokers: readonly string[], topic: string, count: number): Promise<string[]> {
  const consumer = connect(brokers).consumer({ groupId: `read-${topic}-${process.pid}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const values: string[] = [];
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          values.push(message.value?.toString() ?? '');
          if (values.length >= count) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return values;
}
