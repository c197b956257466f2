import { type Consumer, CompressionTypes, type Kafka, type KafkaMessage, type Producer } from 'kafkajs';
import { type Attempt, deliver, post, requestHeaders, textHeaders } from './deliver.ts';
import type { Source } from './sources.ts';

/** What happened to a source's events since the start. */
export interface SourceStats {
  delivered: number;
  retries: number;
  deadLettered: number;
  dropped: number;
}

/** A running dispatcher of one source. */
export interface Dispatcher {
  readonly source: Source;
  readonly stats: Readonly<SourceStats>;
  /** Per partition the offset up to which (exclusive) every event has been delivered or given up. */
  position(partition: number): bigint | undefined;
  stop(): Promise<void>;
}

/** How a dispatcher behaves beyond its source; the last two are for tests. */
export interface DispatcherOptions {
  /** URL of the function that is to get an event. */
  readonly sinkUrl: string;
  readonly log: (line: string) => void;
  /** How many times each event is delivered: 1 is what is asked for, more is what at-least-once allows. */
  readonly deliveries?: number;
  /** Looks at each event before its delivery. */
  readonly onEvent?: (message: KafkaMessage) => void | Promise<void>;
}

const COMMIT_INTERVAL_MS = 5_000;
const MAX_QUEUED = 100;
const RESUME_BELOW = 50;

interface PartitionQueue {
  readonly messages: KafkaMessage[];
  lastQueued: bigint;
  done: bigint | undefined;
  committed: bigint | undefined;
  running: Promise<void> | null;
  paused: boolean;
}

/**
 * Starts to deliver a topic's events to a function: ordered per partition with one request in flight each, at least
 * once, with the source's retries and dead letter topic. A partition that is being retried does not hold up others.
 *
 * It stands in for KafkaSource on a laptop, for development only.
 */
export async function startDispatcher(
  kafka: Kafka,
  producer: Producer,
  source: Source,
  options: DispatcherOptions,
): Promise<Dispatcher> {
  const stats: SourceStats = { delivered: 0, retries: 0, deadLettered: 0, dropped: 0 };
  const queues = new Map<number, PartitionQueue>();
  const stopping = new AbortController();
  const consumer = kafka.consumer({
    groupId: source.consumerGroup,
    maxWaitTimeInMs: 500,
    sessionTimeout: 30_000,
    retry: { retries: Number.MAX_SAFE_INTEGER, maxRetryTime: 2_000 },
  });

  function queueOf(partition: number): PartitionQueue {
    let queue = queues.get(partition);
    if (queue === undefined) {
      queue = {
        messages: [],
        lastQueued: -1n,
        done: undefined,
        committed: undefined,
        running: null,
        paused: false,
      };
      queues.set(partition, queue);
    }
    return queue;
  }

  function enqueue(partition: number, messages: readonly KafkaMessage[]): void {
    const queue = queueOf(partition);
    for (const message of messages) {
      // After a rebalance Kafka hands over again what is still in the queue.
      if (BigInt(message.offset) <= queue.lastQueued) continue;
      queue.lastQueued = BigInt(message.offset);
      queue.messages.push(message);
    }
    if (!queue.paused && queue.messages.length >= MAX_QUEUED) {
      queue.paused = true;
      consumer.pause([{ topic: source.topic, partitions: [partition] }]);
    }
    queue.running ??= run(partition, queue);
  }

  async function run(partition: number, queue: PartitionQueue): Promise<void> {
    for (;;) {
      const message = queue.messages.shift();
      if (message === undefined || stopping.signal.aborted) break;
      if (!(await handle(partition, message))) break;
      queue.done = BigInt(message.offset) + 1n;
      if (queue.paused && queue.messages.length < RESUME_BELOW) {
        queue.paused = false;
        consumer.resume([{ topic: source.topic, partitions: [partition] }]);
      }
    }
    queue.running = null;
  }

  /** @returns False if the dispatcher was stopped before the event was settled. */
  async function handle(partition: number, message: KafkaMessage): Promise<boolean> {
    const headers = requestHeaders(message, { topic: source.topic, partition });
    const body = message.value ?? Buffer.alloc(0);
    await options.onEvent?.(message);
    for (let delivery = 0; delivery < (options.deliveries ?? 1); delivery++) {
      const last = await deliver(
        () => post(options.sinkUrl, headers, body, source.delivery.timeoutMs),
        source.delivery,
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
    const topic = source.delivery.deadLetterTopic;
    const fact = `${source.name}: gave up an event with ${last.status ?? 'no answer'}: ${last.body.slice(0, 200)}`;
    if (topic === null) {
      stats.dropped += 1;
      options.log(`${fact} (dropped: the source has no dead letter sink)`);
      return;
    }
    const headers: Record<string, string> = {
      ...textHeaders(message.headers),
      ce_knativeerrordest: options.sinkUrl,
      ce_knativeerrordata: Buffer.from(last.body).toString('base64'),
      ...(last.status === null ? {} : { ce_knativeerrorcode: String(last.status) }),
    };
    try {
      await producer.send({
        topic,
        acks: -1,
        compression: CompressionTypes.GZIP,
        messages: [{ key: message.key, value: message.value, headers }],
      });
      stats.deadLettered += 1;
      options.log(`${fact} (to ${topic})`);
    } catch (error) {
      stats.dropped += 1;
      options.log(`${fact} (dropped: ${topic} did not take it: ${String(error)})`);
    }
  }

  async function commit(): Promise<void> {
    const offsets = [...queues].flatMap(([partition, queue]) =>
      queue.done !== undefined && queue.done !== queue.committed
        ? [{ partition, queue, offset: queue.done }]
        : [],
    );
    if (offsets.length === 0) return;
    await consumer.commitOffsets(
      offsets.map(({ partition, offset }) => ({ topic: source.topic, partition, offset: String(offset) })),
    );
    for (const { queue, offset } of offsets) queue.committed = offset;
  }

  await consumer.connect();
  await consumer.subscribe({ topic: source.topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 1,
    eachBatch: async ({ batch }) => enqueue(batch.partition, batch.messages),
  });
  const timer = setInterval(() => {
    commit().catch((error: unknown) =>
      options.log(`${source.name}: cannot commit offsets yet: ${String(error)}`),
    );
  }, COMMIT_INTERVAL_MS);

  return {
    source,
    stats,
    position: (partition) => queues.get(partition)?.done,
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await stopConsumer(consumer, [...queues.values()], commit);
    },
  };
}

async function stopConsumer(
  consumer: Consumer,
  queues: readonly PartitionQueue[],
  commit: () => Promise<void>,
): Promise<void> {
  await Promise.all(queues.map((queue) => queue.running));
  await commit().catch(() => undefined);
  await consumer.disconnect().catch(() => undefined);
}
