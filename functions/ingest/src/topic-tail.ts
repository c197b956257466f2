import { RetryableError } from '@kandle/runtime/errors';
import type { createKafka } from '@kandle/runtime/kafka';
import type { Logger } from '@kandle/runtime/log';
import { withDeadline } from './deadline.ts';

/** The Kafka client that the runtime package sets up. */
export type Kafka = ReturnType<typeof createKafka>;

/** A CloudEvent in a Kafka record, binary mode: its attributes without `ce_`, and its data as text. */
export interface TailMessage {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: string;
}

/** Which end of a topic is read, and who takes it. */
export interface TailOptions {
  /** Records stored since then are read, and at least the last few of each partition. */
  readonly sinceMs: number;
  readonly groupId: string;
  readonly onMessage: (message: TailMessage) => void;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

interface Stretch {
  readonly partition: number;
  readonly from: number;
  /** The high watermark when reading began. */
  readonly to: number;
}

/** After a long stop the last minutes are empty; the last windows before it may still wait for their closing batch. */
const TAIL_RECORDS = 1_000;
const OFFSETS_DEADLINE_MS = 30_000;
const START_DEADLINE_MS = 60_000;
/** Longest wait without a record. */
const PROGRESS_DEADLINE_MS = 30_000;
const CLEAN_UP_DEADLINE_MS = 5_000;
const REPORT_EVERY_MS = 5_000;

/**
 * Reads a topic from some time ago to its end as it is now, each partition in order.
 *
 * @returns Number of records read.
 * @throws {RetryableError} If the broker is away or stops answering; what `onMessage` throws.
 */
export async function readTopicTail(kafka: Kafka, topic: string, options: TailOptions): Promise<number> {
  const admin = kafka.admin();
  try {
    await withDeadline(admin.connect(), OFFSETS_DEADLINE_MS, 'no connection to Kafka');
    const stretches = await withDeadline(
      stretchesOf(admin, topic, options.sinceMs),
      OFFSETS_DEADLINE_MS,
      `no offsets of ${topic}`,
    );
    if (stretches.length === 0) return 0;
    const read = await consume(kafka, topic, stretches, options);
    // A group left behind would only expire later.
    await withDeadline(
      admin.deleteGroups([options.groupId]),
      CLEAN_UP_DEADLINE_MS,
      'group not deleted',
    ).catch(() => undefined);
    return read;
  } finally {
    await withDeadline(admin.disconnect(), CLEAN_UP_DEADLINE_MS, 'no end').catch(() => undefined);
  }
}

async function stretchesOf(
  admin: ReturnType<Kafka['admin']>,
  topic: string,
  sinceMs: number,
): Promise<Stretch[]> {
  const [bounds, since] = [
    await admin.fetchTopicOffsets(topic),
    await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs),
  ];
  const sinceOf = new Map(since.map(({ partition, offset }) => [partition, Number(offset)]));
  return bounds
    .map(({ partition, low, high }) => {
      const to = Number(high);
      const recent = Math.min(sinceOf.get(partition) ?? to, to - TAIL_RECORDS);
      return { partition, from: Math.max(Number(low), recent), to };
    })
    .filter(({ from, to }) => from < to);
}

async function consume(
  kafka: Kafka,
  topic: string,
  stretches: readonly Stretch[],
  { groupId, onMessage, signal, log }: TailOptions,
): Promise<number> {
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    // A fresh broker is long about its first group. A crash is ours to handle: the client must not begin again.
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10, restartOnFailure: async () => false },
  });
  const open = new Map(stretches.map((stretch) => [stretch.partition, stretch]));
  const total = stretches.reduce((sum, { from, to }) => sum + to - from, 0);
  let read = 0;
  let movedAtMs = Date.now();
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop);
  consumer.on(consumer.events.CRASH, ({ payload }) =>
    reject(new RetryableError('Cannot read on', { cause: payload.error })),
  );
  const watch = setInterval(() => {
    log.info({ read, total, partitions: open.size }, 'reading back');
    if (Date.now() - movedAtMs > PROGRESS_DEADLINE_MS)
      reject(new RetryableError(`Cannot read on: nothing came from ${topic}`));
  }, REPORT_EVERY_MS);
  try {
    await withDeadline(
      (async () => {
        await consumer.connect();
        await consumer.subscribe({ topic, fromBeginning: false });
        await consumer.run({
          autoCommit: false,
          eachBatch: async ({ batch }) => {
            const stretch = open.get(batch.partition);
            if (stretch === undefined) return;
            movedAtMs = Date.now();
            try {
              for (const message of batch.messages) {
                const offset = Number(message.offset);
                if (offset < stretch.from || offset >= stretch.to) continue;
                read += 1;
                onMessage({
                  attributes: attributesOf(message.headers),
                  value: message.value?.toString() ?? '',
                });
              }
            } catch (error) {
              reject(error);
            }
            if (Number(batch.lastOffset()) >= stretch.to - 1) open.delete(batch.partition);
            if (open.size === 0) resolve();
          },
        });
        for (const { partition, from } of stretches)
          consumer.seek({ topic, partition, offset: String(from) });
      })(),
      START_DEADLINE_MS,
      'no consumer',
    );
    await done;
    return read;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', stop);
    // The rejection of a wait that nobody awaits any more.
    done.catch(() => undefined);
    await withDeadline(consumer.disconnect(), CLEAN_UP_DEADLINE_MS, 'no end').catch(() => undefined);
  }
}

function attributesOf(headers: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = String(value);
  }
  return attributes;
}
