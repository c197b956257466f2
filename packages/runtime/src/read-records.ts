import { randomUUID } from 'node:crypto';
import type { Kafka, KafkaMessage } from 'kafkajs';

/** A stretch of a partition, its end not included. */
export interface RecordRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** How far reading goes. */
export interface ReadLimits {
  /** Begins the name of the group, which commits nothing and is deleted in the end. */
  readonly name: string;
  readonly deadlineMs: number;
  readonly maxRecords: number;
}

/**
 * Reads stretches of a topic once, each partition in order; waits for what `take` returns, if it returns
 * something.
 *
 * @returns True if all was read, false if a limit came before.
 * @throws {Error} If the broker does not answer; what `take` throws.
 */
export async function readRecords(
  kafka: Kafka,
  topic: string,
  ranges: readonly RecordRange[],
  limits: ReadLimits,
  take: (partition: number, message: KafkaMessage) => Promise<void> | void,
): Promise<boolean> {
  /** What is still to be read. */
  const open = new Map(ranges.filter(({ from, to }) => from < to).map((range) => [range.partition, range]));
  if (open.size === 0) return true;
  const groupId = `${limits.name}-${randomUUID()}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  const { promise: done, resolve, reject } = Promise.withResolvers<boolean>();
  const deadline = setTimeout(() => resolve(false), limits.deadlineMs);
  let read = 0;
  try {
    // At each join, for KafkaJS forgets at a rebalance where it was.
    consumer.on(consumer.events.GROUP_JOIN, () => {
      for (const { partition, from } of open.values())
        consumer.seek({ topic, partition, offset: String(from) });
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) reject(error);
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        const range = open.get(batch.partition);
        if (range === undefined) return;
        let { from } = range;
        try {
          for (const message of batch.messages) {
            const offset = BigInt(message.offset);
            if (offset < from || offset >= range.to) continue;
            if (read >= limits.maxRecords) return resolve(false);
            read += 1;
            from = offset + 1n;
            const waiting = take(batch.partition, message);
            if (waiting !== undefined) await waiting.then(heartbeat);
          }
        } catch (error) {
          return reject(error);
        }
        if (BigInt(batch.lastOffset()) >= range.to - 1n) open.delete(batch.partition);
        else open.set(batch.partition, { ...range, from });
        if (open.size === 0) resolve(true);
      },
    });
    return await done;
  } finally {
    clearTimeout(deadline);
    await consumer.disconnect().catch(() => undefined);
    const admin = kafka.admin();
    await admin
      .connect()
      .then(() => admin.deleteGroups([groupId]))
      .catch(() => undefined);
    await admin.disconnect().catch(() => undefined);
  }
}
