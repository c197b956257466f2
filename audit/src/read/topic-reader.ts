import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { createKafka } from '@kandle/runtime/kafka';
import kafkajs, { type Admin, type Consumer } from 'kafkajs';
import type { TopicEvent } from './raw-batch.ts';

/** The Kafka client that the runtime package sets up. */
export type Kafka = ReturnType<typeof createKafka>;

/** First and last offset of a partition; `to` is not in it. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** Reads the partitions of one topic, one after the other. */
export interface TopicReader {
  /**
   * Hands every event of a range to `take`, in order; waits for what `take` returns before it goes on, so that
   * no more than one fetch is in memory.
   *
   * @throws {RetryableError} If the broker is away or stops answering; what `take` throws.
   */
  read(range: OffsetRange, take: (event: TopicEvent) => Promise<void> | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Longest wait without a record: for the group's first meeting, too. */
const PROGRESS_DEADLINE_MS = 60_000;
/** How often a consumer that starts anew is asked again. */
const RESTART_POLL_MS = 100;
/** Records of a fetch, before they are unpacked. */
const FETCH_BYTES = 1_048_576;

/** What is being read at the moment. */
interface Current {
  next: number;
  readonly range: OffsetRange;
  readonly take: (event: TopicEvent) => Promise<void> | undefined;
  readonly done: PromiseWithResolvers<void>;
  movedAtMs: number;
}

/** Opens a topic for reading, in a group of its own that leaves no offsets behind. */
export function createTopicReader(kafka: Kafka, topic: string): TopicReader {
  const groupId = `kandle-audit-${randomUUID()}`;
  let current: Current | null = null;
  let opened: Promise<Consumer> | null = null;
  let partitions: readonly number[] = [];

  async function open(): Promise<Consumer> {
    const consumer = kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: FETCH_BYTES,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 20 },
    });
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (!restart) current?.done.reject(cannotRead(error));
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      async eachBatch({ batch, heartbeat }) {
        const reading = current;
        if (reading === null || batch.partition !== reading.range.partition) return;
        try {
          for (const { offset, headers, value } of batch.messages) {
            if (Number(offset) < reading.next || Number(offset) >= reading.range.to) continue;
            reading.next = Number(offset) + 1;
            reading.movedAtMs = performance.now();
            const waiting = reading.take({
              partition: batch.partition,
              offset: Number(offset),
              attributes: attributesOf(headers),
              contentType: headers?.['content-type']?.toString(),
              value: value ?? new Uint8Array(),
            });
            if (waiting !== undefined) {
              await waiting;
              await heartbeat();
            }
          }
          reading.movedAtMs = performance.now();
          if (Number(batch.lastOffset()) >= reading.range.to - 1) reading.done.resolve();
        } catch (error) {
          reading.done.reject(error);
        }
      },
    });
    return consumer;
  }

  function cannotRead(error: unknown): RetryableError {
    return new RetryableError(`Cannot read ${topic}: ${describeError(error)}`, { cause: error });
  }

  /**
   * Only the partition that is wanted is fetched. A consumer that KafkaJS is starting anew takes no orders yet.
   */
  async function select(consumer: Consumer, { partition, from }: OffsetRange): Promise<void> {
    const deadline = performance.now() + PROGRESS_DEADLINE_MS;
    for (;;) {
      try {
        consumer.pause([{ topic, partitions: partitions.filter((other) => other !== partition) }]);
        consumer.resume([{ topic, partitions: [partition] }]);
        return consumer.seek({ topic, partition, offset: String(from) });
      } catch (error) {
        if (!(error instanceof kafkajs.KafkaJSNonRetriableError) || performance.now() > deadline) throw error;
        await sleep(RESTART_POLL_MS);
      }
    }
  }

  return {
    async read(range, take) {
      if (range.from >= range.to) return;
      if (opened === null) {
        const admin = kafka.admin();
        try {
          await admin.connect();
          partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition }) => partition);
        } finally {
          await admin.disconnect();
        }
      }
      const done = Promise.withResolvers<void>();
      // It may be rejected while nobody waits for it yet.
      done.promise.catch(() => undefined);
      const reading: Current = { next: range.from, range, take, done, movedAtMs: performance.now() };
      const watch = setInterval(() => {
        if (performance.now() - reading.movedAtMs > PROGRESS_DEADLINE_MS)
          done.reject(cannotRead(new Error(`nothing came for ${PROGRESS_DEADLINE_MS} ms`)));
      }, 1_000);
      try {
        current = reading;
        const consumer = await (opened ??= open());
        await select(consumer, range);
        await done.promise;
      } catch (error) {
        throw error instanceof RetryableError || opened !== null ? error : cannotRead(error);
      } finally {
        clearInterval(watch);
        current = null;
      }
    },
    async close() {
      const consumer = await opened?.catch(() => null);
      if (consumer === null || consumer === undefined) return;
      await consumer.disconnect().catch(() => undefined);
      const admin = kafka.admin();
      await admin
        .connect()
        .then(() => admin.deleteGroups([groupId]))
        .catch(() => undefined);
      await admin.disconnect().catch(() => undefined);
    },
  };
}

/** The partitions of a topic as they are now. */
export async function offsetRangesOf(admin: Admin, topic: string): Promise<readonly OffsetRange[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  return offsets
    .map(({ partition, low, high }) => ({ partition, from: Number(low), to: Number(high) }))
    .toSorted((a, b) => a.partition - b.partition);
}

/** Hands every event of some ranges of a topic to `take`. @throws {RetryableError} As {@link TopicReader}. */
export async function readWholeTopic(
  kafka: Kafka,
  topic: string,
  ranges: readonly OffsetRange[],
  take: (event: TopicEvent) => void,
): Promise<void> {
  const reader = createTopicReader(kafka, topic);
  try {
    for (const range of ranges) {
      await reader.read(range, (event) => {
        take(event);
        return undefined;
      });
    }
  } finally {
    await reader.close();
  }
}

/** The attributes of a CloudEvent in binary mode. */
function attributesOf(headers: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = String(value);
  }
  return attributes;
}
