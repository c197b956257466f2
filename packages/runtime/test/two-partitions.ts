import { createTopics } from '@kandle/servers/kafka/create-topics';
import type { Admin, Kafka, Producer } from 'kafkajs';
import { inject, onTestFinished } from 'vitest';
import { createKafka, KafkaEnv } from '../src/kafka.ts';
import { createLogger } from '../src/log.ts';

/** A topic of two partitions for one test, gone after it. */
export async function useTwoPartitions(
  name: string,
): Promise<{ readonly kafka: Kafka; readonly admin: Admin; readonly producer: Producer }> {
  const settings = KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') });
  const kafka = createKafka(settings, name, createLogger(name, 'silent'));
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [name] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  await createTopics(admin, [{ topic: name, partitions: 2 }]);
  return { kafka, admin, producer };
}
