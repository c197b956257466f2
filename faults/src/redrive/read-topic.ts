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
    /** What is still to be read. */
    const open = new Map(
      bounds
        .map(({ partition, low, high }) => {
          const from = BigInt(starts.get(partition) ?? low);
          return [partition, { from, to: BigInt(high) }] as const;
        })
        .filter(([, { from, to }]) => from < to),
    );
    if (open.size === 0) return 0;
    // At each join, for KafkaJS forgets at a rebalance where it was.
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const [partition, { from }] of open) consumer.seek({ topic, partition, offset: String(from) });
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) reject(error);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch, heartbeat }) {
        const range = open.get(batch.partition);
        if (range === undefined) return;
        movedAtMs = performance.now();
        try {
          const messages = batch.messages.filter(
            ({ offset }) => BigInt(offset) >= range.from && BigInt(offset) < range.to,
          );
          await take(batch.partition, messages);
          read += messages.length;
        } catch (error) {
          return reject(error);
        }
        const from = BigInt(batch.lastOffset()) + 1n;
        if (from >= range.to) open.delete(batch.partition);
        else open.set(batch.partition, { ...range, from });
        if (open.size === 0) return resolve();
        // Says by an error that there is a rebalance, and KafkaJS joins again.
        await heartbeat();
      },
    });
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
