import { randomUUID } from 'node:crypto';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { Kafka, KafkaMessage } from 'kafkajs';

const PROGRESS_DEADLINE_MS = 60_000;

/**
 * Reads a topic from its beginning, or from a time on, to its end as it is now, each partition in order; leaves
 * no offsets behind.
 *
 * @param take May be slow: nothing more is fetched meanwhile than one answer of the broker.
 * @returns Number of records.
 * @throws {RetryableError} If the topic is not there, or the broker stops answering; what `take` throws.
 */
export async function readTopic(
  kafka: Kafka,
  topic: string,
  take: (partition: number, messages: readonly KafkaMessage[]) => Promise<void> | void,
  sinceMs: number | null = null,
): Promise<number> {
  const admin = kafka.admin();
  const groupId = `kandle-redrive-read-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  let read = 0;
  let movedAtMs = performance.now();
  const watch = setInterval(() => {
    if (performance.now() - movedAtMs > PROGRESS_DEADLINE_MS) reject(new Error('nothing came for a minute'));
  }, 1_000);
  try {
    await admin.connect();
    const bounds = await admin.fetchTopicOffsets(topic);
    const starts = new Map(
      sinceMs === null
        ? []
        : (await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs)).map(
            ({ partition, offset }) => [partition, offset] as const,
          ),
    );
    const open = new Map(
      bounds
        .filter(
          ({ partition, low, high }) => BigInt(starts.get(partition) ?? low) < BigInt(high) && low !== high,
        )
        .map(({ partition, high }) => [partition, BigInt(high)]),
    );
    if (open.size === 0) return 0;
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) reject(error);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch, heartbeat }) {
        const end = open.get(batch.partition);
        if (end === undefined) return;
        movedAtMs = performance.now();
        try {
          const messages = batch.messages.filter(({ offset }) => BigInt(offset) < end);
          await take(batch.partition, messages);
          read += messages.length;
          await heartbeat();
        } catch (error) {
          reject(error);
        }
        if (BigInt(batch.lastOffset()) >= end - 1n) open.delete(batch.partition);
        if (open.size === 0) resolve();
      },
    });
    for (const [partition, offset] of starts)
      if (open.has(partition)) consumer.seek({ topic, partition, offset });
    await done;
    return read;
  } catch (error) {
    throw new RetryableError(`Cannot read ${topic}: ${describeError(error)}`, { cause: error });
  } finally {
    clearInterval(watch);
    await consumer.disconnect().catch(() => undefined);
    await admin.deleteGroups([groupId]).catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
  }
}
