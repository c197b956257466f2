import { describeError, RetryableError } from '@kandle/runtime/errors';
import { withDeadline } from '@kandle/runtime/deadline';
import type { createKafka } from '@kandle/runtime/kafka';
import type { Logger } from '@kandle/runtime/log';
import type { EventRecord } from '@kandle/runtime/record-data';

/** The Kafka client that the runtime package sets up. */
export type Kafka = ReturnType<typeof createKafka>;

/** A CloudEvent in a Kafka record, binary mode: its attributes without `ce_`, and its data as text. */
export interface TailMessage {
  readonly partition: number;
  readonly offset: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: string;
  /** The record itself, where its data are no text. */
  readonly record: EventRecord;
}

/** Which end of a topic is read, and who takes it. */
export interface TailOptions {
  /** Records stored since then are read, and at least the last few of each partition. */
  readonly sinceMs: number;
  readonly groupId: string;
  /** A promise is waited for before the next one is handed over. */
  readonly onMessage: (message: TailMessage) => unknown;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A range of a partition, from one offset up to another, which is not in it. */
export interface OffsetRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

const START_DEADLINE_MS = 60_000;
/** Longest wait without a record. */
const PROGRESS_DEADLINE_MS = 30_000;
const CLEAN_UP_DEADLINE_MS = 5_000;
const REPORT_EVERY_MS = 5_000;

/**
 * Reads ranges of a topic, each in order, and leaves no offset behind.
 *
 * @returns Number of records read; null if the broker is not ready for groups yet, a moment after its start.
 * @throws {RetryableError} If the broker is away or stops answering; what `onMessage` throws.
 */
export async function readOffsetRanges(
  kafka: Kafka,
  topic: string,
  ranges: readonly OffsetRange[],
  { groupId, onMessage, signal, log }: TailOptions,
): Promise<number | null> {
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    // A crash is ours to handle: the client must not begin again on its own.
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10, restartOnFailure: async () => false },
  });
  /** What is still to be read. */
  const open = new Map(ranges.map((range) => [range.partition, range]));
  const total = ranges.reduce((sum, { from, to }) => sum + to - from, 0);
  const state = { read: 0, movedAtMs: performance.now(), crash: null as Crash | null };
  const { promise: done, resolve, reject } = Promise.withResolvers<void>();
  // It may be rejected while nobody waits for it yet, or no more.
  done.catch(() => undefined);
  const stop = (): void => resolve();
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  // At each join, for KafkaJS forgets at a rebalance where it was, and would go on at the end.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    for (const { partition, from } of open.values())
      consumer.seek({ topic, partition, offset: String(from) });
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    state.crash = {
      error: new RetryableError(`Cannot read ${topic}: ${describeError(error)}`, { cause: error }),
      isBrief: 'retriable' in error && error.retriable === true,
    };
    reject(state.crash.error);
  });
  const watch = setInterval(() => {
    log.info({ read: state.read, total, partitions: open.size }, 'reading back');
    if (performance.now() - state.movedAtMs > PROGRESS_DEADLINE_MS) {
      reject(new RetryableError(`Cannot read on: nothing came from ${topic}`));
    }
  }, REPORT_EVERY_MS);

  async function start(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: false });
    await consumer.run({
      autoCommit: false,
      async eachBatch({ batch }) {
        const range = open.get(batch.partition);
        if (range === undefined) return;
        state.movedAtMs = performance.now();
        let { from } = range;
        try {
          for (const { offset, headers, value } of batch.messages) {
            if (Number(offset) < from || Number(offset) >= range.to) continue;
            state.read += 1;
            from = Number(offset) + 1;
            const taking = onMessage({
              partition: batch.partition,
              offset,
              attributes: attributesOf(headers),
              value: value?.toString() ?? '',
              record: { headers, value },
            });
            if (taking instanceof Promise) await taking;
          }
        } catch (error) {
          reject(error);
        }
        if (Number(batch.lastOffset()) >= range.to - 1) open.delete(batch.partition);
        else open.set(batch.partition, { ...range, from });
        if (open.size === 0) resolve();
      },
    });
    // A consumer that crashed while it started says so only by its event.
    if (state.crash !== null) throw state.crash.error;
  }

  try {
    await withDeadline(start(), START_DEADLINE_MS, 'no consumer');
    await done;
    return state.read;
  } catch (error) {
    if (state.read === 0 && state.crash?.isBrief === true) return null;
    throw error;
  } finally {
    clearInterval(watch);
    signal.removeEventListener('abort', stop);
    await withDeadline(consumer.disconnect(), CLEAN_UP_DEADLINE_MS, 'no end').catch(() => undefined);
  }
}

interface Crash {
  readonly error: RetryableError;
  readonly isBrief: boolean;
}

/** The attributes of a CloudEvent in a Kafka record, binary mode. */
function attributesOf(headers: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (name.startsWith('ce_')) attributes[name.slice(3)] = String(value);
  }
  return attributes;
}
