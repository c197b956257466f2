import { CompressionTypes, type Consumer, type Kafka, type KafkaMessage, type Producer } from 'kafkajs';
import { type Attempt, deliver, requestHeaders, textHeaders } from './deliver.ts';
import { createPartitionQueue, type PartitionQueue } from './partition-queue.ts';
import type { SourcePlan } from './plan.ts';
import { createPollBuffer } from './poll-buffer.ts';

/** What happened to a source's events since the start. */
export interface SourceStats {
  delivered: number;
  retries: number;
  deadLettered: number;
  dropped: number;
}

/** A running source. */
export interface Source {
  readonly plan: SourcePlan;
  readonly stats: Readonly<SourceStats>;
  /** The offset up to which, exclusive, every event of a partition is delivered or given up. */
  position(partition: number): bigint | undefined;
  /** Waits for what is under way, commits, leaves the group. */
  stop(): Promise<void>;
}

/** How records are polled: the sizes of `config-kafka-source-data-plane`. */
export interface PollSizes {
  readonly maxPollRecords: number;
  readonly maxPartitionFetchBytes: number;
}

/** What a cluster has by default: 250 events a second and consumer, and no more than 64 KiB a partition and poll. */
export const DEFAULT_POLL: PollSizes = { maxPollRecords: 50, maxPartitionFetchBytes: 65_536 };
/** What an administrator may set; `--fast` on a laptop. */
export const LIFTED_POLL: PollSizes = { maxPollRecords: 500, maxPartitionFetchBytes: 1_048_576 };

/** How a source is run on this machine. */
export interface SourceOptions {
  readonly poll: PollSizes;
  /** Hands an event to the function. */
  readonly send: (
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    timeoutMs: number,
  ) => Promise<Attempt>;
  readonly log: (line: string) => void;
  /** For tests: how many times each event is delivered; at-least-once allows any number above 0. */
  readonly deliveries?: number | undefined;
}

const POLL_TIMER_MS = 200;
/** How long a poll that found nothing waits for a record. */
const POLL_WAIT_MS = 100;
const COMMIT_INTERVAL_MS = 5_000;
const MAX_ERROR_BYTES = 1_024;
const MAX_TOLD = 100;

/**
 * Starts to deliver a topic's events to a function as KafkaSource's dispatcher does: polled on a timer, in order with
 * one request in flight per partition (or unordered), at least once, tried again as the delivery block says, given up
 * to the dead letter topic, or dropped where there is none; offsets committed every 5 s.
 *
 * It stands in for KafkaSource on a laptop, for development only.
 */
export async function startSource(
  kafka: Kafka,
  producer: Producer,
  plan: SourcePlan,
  options: SourceOptions,
): Promise<Source> {
  const stats: SourceStats = { delivered: 0, retries: 0, deadLettered: 0, dropped: 0 };
  const queues = new Map<number, PartitionQueue>();
  const stopping = new AbortController();
  const told = new Set<string>();

  /** @returns False if the source was stopped before the event was settled. */
  async function handle(partition: number, message: KafkaMessage): Promise<boolean> {
    const headers = requestHeaders(message, { topic: plan.topic, partition, source: plan.name });
    const body = message.value ?? Buffer.alloc(0);
    for (let delivery = 0; delivery < (options.deliveries ?? 1); delivery++) {
      if (stopping.signal.aborted) return false;
      const last = await deliver(
        () => options.send(headers, body, plan.delivery.timeoutMs),
        plan.delivery,
        () => {
          stats.retries += 1;
        },
        stopping.signal,
      );
      if (last.status !== null && last.status < 300) stats.delivered += 1;
      else if (stopping.signal.aborted) return false;
      else await giveUp(message, last);
    }
    return true;
  }

  async function giveUp(message: KafkaMessage, last: Attempt): Promise<void> {
    const topic = plan.delivery.deadLetterTopic;
    const fact = `${plan.name}: gave up an event with ${last.status ?? 'no answer'}: ${last.body.slice(0, 200)}`;
    // A reason is told once; how often it came is in the counts.
    const tell = (outcome: string): void => {
      if (!told.has(fact + outcome)) options.log(`${fact} (${outcome}; the same is not told again)`);
      if (told.size < MAX_TOLD) told.add(fact + outcome);
    };
    if (topic === null) {
      stats.dropped += 1;
      tell('dropped: the source has no dead letter sink');
      return;
    }
    try {
      await producer.send({
        topic,
        acks: -1,
        compression: CompressionTypes.GZIP,
        messages: [
          { key: message.key, value: message.value, headers: deadLetterHeaders(message, plan, last) },
        ],
      });
      stats.deadLettered += 1;
      tell(`kept in ${topic}`);
    } catch (error) {
      stats.dropped += 1;
      tell(`dropped: ${topic} did not take it: ${String(error)}`);
    }
  }

  function queueOf(partition: number): PartitionQueue {
    let queue = queues.get(partition);
    if (queue === undefined) {
      queue = createPartitionQueue(plan.ordering === 'ordered', (message) => handle(partition, message));
      queues.set(partition, queue);
    }
    return queue;
  }

  const push = (partition: number, message: KafkaMessage): void => queueOf(partition).push(message);
  const pending = (): number => [...queues.values()].reduce((sum, queue) => sum + queue.pending(), 0);
  const members = await Promise.all(
    Array.from({ length: plan.consumers }, () => startMember(kafka, plan, options, push, pending)),
  );

  const committed = new Map<number, bigint>();
  async function commit(): Promise<void> {
    const due = [...queues].flatMap(([partition, queue]) => {
      const offset = queue.settled();
      return offset === undefined || offset === committed.get(partition) ? [] : [{ partition, offset }];
    });
    // Any member may commit for a partition that is its own; each is asked for all, and Kafka sorts them by group.
    if (due.length === 0) return;
    const [first] = members;
    await first?.consumer.commitOffsets(
      due.map(({ partition, offset }) => ({ topic: plan.topic, partition, offset: String(offset) })),
    );
    for (const { partition, offset } of due) committed.set(partition, offset);
  }
  const timer = setInterval(() => {
    commit().catch((error: unknown) =>
      options.log(`${plan.name}: cannot commit offsets yet: ${String(error)}`),
    );
  }, COMMIT_INTERVAL_MS);

  return {
    plan,
    stats,
    position: (partition) => queues.get(partition)?.settled(),
    async stop() {
      clearInterval(timer);
      stopping.abort();
      for (const member of members) member.stopPolling();
      await Promise.all([...queues.values()].map((queue) => queue.idle()));
      await commit().catch(() => undefined);
      await Promise.all(members.map(({ consumer }) => consumer.disconnect().catch(() => undefined)));
    },
  };
}

interface Member {
  readonly consumer: Consumer;
  stopPolling(): void;
}

/** One consumer of the source's group, and its poll timer. */
async function startMember(
  kafka: Kafka,
  plan: SourcePlan,
  { poll }: SourceOptions,
  push: (partition: number, message: KafkaMessage) => void,
  pending: () => number,
): Promise<Member> {
  const buffer = createPollBuffer();
  const consumer = kafka.consumer({
    groupId: plan.consumerGroup,
    maxBytesPerPartition: poll.maxPartitionFetchBytes,
    maxWaitTimeInMs: 500,
    sessionTimeout: 30_000,
    retry: { retries: Number.MAX_SAFE_INTEGER, maxRetryTime: 2_000 },
  });
  /** Until when a poll that found nothing goes on waiting. */
  let waitsUntilMs = 0;

  function pollOnce(): void {
    waitsUntilMs = 0;
    const { records, drained } = buffer.take(poll.maxPollRecords);
    for (const { partition, message } of records) push(partition, message);
    if (drained.length > 0) consumer.resume([{ topic: plan.topic, partitions: [...drained] }]);
  }

  const timer = setInterval(() => {
    if (pending() >= poll.maxPollRecords * plan.consumers) return;
    if (buffer.isEmpty()) waitsUntilMs = performance.now() + POLL_WAIT_MS;
    else pollOnce();
  }, POLL_TIMER_MS);

  await consumer.connect();
  await consumer.subscribe({ topic: plan.topic, fromBeginning: plan.initialOffset === 'earliest' });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch, pause }) => {
      // Nothing more of this partition until a poll has taken what is here: that is what bounds a poll's bytes.
      pause();
      buffer.add(batch.partition, batch.messages);
      if (buffer.isEmpty()) consumer.resume([{ topic: plan.topic, partitions: [batch.partition] }]);
      else if (performance.now() < waitsUntilMs) pollOnce();
    },
  });
  return { consumer, stopPolling: () => clearInterval(timer) };
}

/** The headers of a dead letter: the event's own, and what KafkaSource adds. */
function deadLetterHeaders(message: KafkaMessage, plan: SourcePlan, last: Attempt): Record<string, string> {
  return {
    ...textHeaders(message.headers),
    ce_knativeerrordest: `http://${plan.sink}.kandle.svc.cluster.local`,
    ce_knativeerrordata: Buffer.from(last.body).subarray(0, MAX_ERROR_BYTES).toString('base64'),
    ...(last.status === null ? {} : { ce_knativeerrorcode: String(last.status) }),
  };
}
