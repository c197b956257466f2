import { setTimeout as sleep } from 'node:timers/promises';
import type { Consumer, Kafka, KafkaMessage } from 'kafkajs';
import type { SourcePlan } from '@kandle/knative/plan';
import { createPollBuffer } from './poll-buffer.ts';

/** How records are polled: the sizes of `config-kafka-source-data-plane`. */
export interface PollSizes {
  readonly maxPollRecords: number;
  readonly maxPartitionFetchBytes: number;
}

/** Where a consumer's records go, and what it asks before it polls. */
export interface ConsumerHooks {
  readonly push: (partition: number, message: KafkaMessage) => void;
  /** Records of a partition that were pushed and are not settled. */
  readonly pending: (partition: number) => number;
  /** Records of a partition whose turn has not come. */
  readonly waiting: (partition: number) => number;
  /** The group gave the consumer other partitions. */
  readonly onAssigned: () => void;
  /** The consumer ended by itself, and is started again. */
  readonly onCrash: (error: Error) => void;
}

/** One consumer of a source's group. */
export interface SourceConsumer {
  readonly consumer: Consumer;
  /** The partitions that the group gave it. */
  partitions(): ReadonlySet<number>;
  /** Unordered only: polls again, because something was settled. */
  pollIfFree(): void;
  /** Polls no more, and is not started again. */
  stopPolling(): void;
}

const POLL_TIMER_MS = 200;
/** How long an ordered poll that found nothing waits for a record. */
const POLL_WAIT_MS = 100;
/** A killed runner's partitions are free again after this. */
const SESSION_MS = 10_000;
const FETCH_WAIT_MS = 500;
/**
 * Fetches of a partition kept for the next polls. A poll takes one of them, as the Java client's does, which
 * asks for the next one as it hands one over. KafkaJS waits for what it asked for before it asks for a
 * partition that was paused, `FETCH_WAIT_MS` at most: so long the polls must have something to take.
 */
const FETCHES_AHEAD = 1 + Math.ceil(FETCH_WAIT_MS / POLL_TIMER_MS);
const RESTART_MS = 500;

/**
 * Starts a consumer, and starts it again whenever it ends by itself. Ordered, it polls on a timer, and only
 * partitions that wait for more: one that is tried again holds back no other. Unordered, it polls whenever
 * fewer records than one poll's are under way.
 */
export async function startSourceConsumer(
  kafka: Kafka,
  { topic, consumerGroup, initialOffset, ordering }: SourcePlan,
  { maxPollRecords, maxPartitionFetchBytes }: PollSizes,
  hooks: ConsumerHooks,
): Promise<SourceConsumer> {
  const ordered = ordering === 'ordered';
  const buffer = createPollBuffer();
  const consumer = kafka.consumer({
    groupId: consumerGroup,
    maxBytesPerPartition: maxPartitionFetchBytes,
    maxWaitTimeInMs: FETCH_WAIT_MS,
    sessionTimeout: SESSION_MS,
    // KafkaJS starts a consumer again after some errors only, and it never delivers again after the others.
    retry: {
      retries: Number.MAX_SAFE_INTEGER,
      maxRetryTime: 2_000,
      restartOnFailure: () => Promise.resolve(false),
    },
  });
  let owned: ReadonlySet<number> = new Set();
  let stopped = false;
  /** Until when a poll that found nothing goes on waiting. */
  let waitsUntilMs = 0;

  const isReady = (partition: number): boolean => !ordered || hooks.waiting(partition) === 0;
  const underWay = (): number => [...owned].reduce((sum, partition) => sum + hooks.pending(partition), 0);

  /** @returns True if there was anything to take. */
  function poll(): boolean {
    const { records, partitions } = buffer.take(maxPollRecords, isReady);
    for (const { partition, message } of records) hooks.push(partition, message);
    resume(partitions.filter((partition) => buffer.fetches(partition) < FETCHES_AHEAD));
    return records.length > 0;
  }

  function pollIfFree(): void {
    if (stopped) return;
    while (underWay() < maxPollRecords && poll());
  }

  function resume(partitions: readonly number[]): void {
    if (partitions.length === 0) return;
    try {
      consumer.resume([{ topic, partitions: [...partitions] }]);
    } catch {
      // Between its end and its next start there is no consumer, and one that has just started has paused
      // nothing.
    }
  }

  async function run(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: initialOffset === 'earliest' });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, pause }) => {
        // Known records are no reason to wait for a poll: nothing would ever be taken, and nothing resumed.
        if (!buffer.add(batch.partition, batch.messages)) return;
        if (buffer.fetches(batch.partition) >= FETCHES_AHEAD) pause();
        if (!ordered) pollIfFree();
        else if (performance.now() < waitsUntilMs && poll()) waitsUntilMs = 0;
      },
    });
  }

  /** Ends when the consumer runs; whether it goes on to run is told by its next crash. */
  async function restart(): Promise<void> {
    for (;;) {
      await sleep(RESTART_MS);
      if (stopped) return;
      try {
        await run();
        // It may have been stopped while it started: then nobody else disconnects it.
        if (stopped) await consumer.disconnect();
        return;
      } catch {
        await consumer.disconnect().catch(() => undefined);
      }
    }
  }

  const timer = setInterval(() => {
    if (!ordered) pollIfFree();
    else waitsUntilMs = poll() ? 0 : performance.now() + POLL_WAIT_MS;
  }, POLL_TIMER_MS);

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    owned = new Set(payload.memberAssignment[topic] ?? []);
    // KafkaJS remembers what is paused, and what was fetched of a lost partition is another consumer's.
    resume(buffer.retain(owned));
    hooks.onAssigned();
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    if (stopped) return;
    hooks.onCrash(error);
    void restart();
  });
  await run();
  return {
    consumer,
    partitions: () => owned,
    pollIfFree: () => {
      if (!ordered) pollIfFree();
    },
    stopPolling() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
