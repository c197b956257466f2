import { Kafka, logLevel } from 'kafkajs';
import { z } from 'zod';

const Rejects = z.object({
  rejects: z.array(z.object({ id: z.string(), reason: z.string(), detail: z.string(), record: z.unknown() })),
});

/** A refused record as it stands in the topic. */
export type RejectRecord = z.infer<typeof Rejects>['rejects'][number];

/** Every reject in a topic, whatever its order. */
export async function readRejects(
  brokers: readonly string[],
  topic: string,
): Promise<readonly RejectRecord[]> {
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  let missing = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  const found: RejectRecord[] = [];
  if (missing === 0) return found;
  const consumer = kafka.consumer({ groupId: `read-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          found.push(...Rejects.parse(JSON.parse(String(message.value))).rejects);
          missing -= 1;
          if (missing === 0) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return found;
}
