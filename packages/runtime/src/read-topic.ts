import { randomUUID } from 'node:crypto';
import { describeError, RetryableError } from './errors.ts';
import type { Kafka, KafkaMessage } from 'kafkajs';

const PROGRESS_DEADLINE_MS = 60_000;

/** Who reads, and from where on; without a start, from the beginning. */
export interface ReadOptions {
  /** Begins the name of the group, `kandle-redrive`: a login is allowed its own. */
  readonly name: string;
  /** From records of this time on, by the log's clock, milliseconds. */
  readonly sinceMs?: number;
  /** By partition; one that is not named is not read. */
  readonly fromOffsets?: ReadonlyMap<number, string>;
}

/**
 * Reads a topic to its end as it is now, each partition in order; leaves no offsets behind.
 *
 * @param take May be slow: nothing more is fetched meanwhile than one answer of the broker.
 * @returns Number of records.
 * @throws {RetryableError} If the topic is not there, or the broker stops answering; what `take` throws.
 */
export async function readTopic(
  kafka: Kafka,
  topic: string,
  { name, sinceMs, fromOffsets }: ReadOptions,
  take: (partition: number, messages: readonly KafkaMessage[]) => Promise<void> | void,
): Promise<number> {
  const admin = kafka.admin();
  const groupId = `${name}-read-${randomUUID()}`;
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
      sinceMs === undefined
        ? fromOffsets
        : (await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs)).map(
            ({ partition, offset }) => [partition, offset] as const,
          ),
    );
    /** What is still to be read. */
    const open = new Map(
      bounds
        .filter(({ partition }) => fromOffsets?.has(partition) !== false)
        .map(({ partition, low, high }) => {
          // What was asked for may be cut off by now.
          const from = Math.max(Number(starts.get(partition) ?? low), Number(low));
          return [partition, { from: BigInt(from), to: BigInt(high) }] as const;
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
