import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, type Kafka, type KafkaMessage, type Producer } from 'kafkajs';
import { deadLetterOf } from './dead-letter.ts';
import { type Attempt, deliver } from './deliver.ts';
import { pinLatestOffsets } from './initial-offset.ts';
import { createPartitionQueue, type PartitionQueue } from './partition-queue.ts';
import type { SourcePlan } from '@kandle/knative/plan';
import { type PollSizes, startSourceConsumer } from './source-consumer.ts';
import { eventOfRecord, hasLineBreak, requestHeaders, type SourceEvent } from './source-event.ts';

export type { PollSizes } from './source-consumer.ts';

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
  /** Waits for what is under way, for a while, then commits and leaves the group. */
  stop(): Promise<void>;
}

/** What Knative installs: 250 events a second and dispatcher, and no more than 64 KiB a partition and poll. */
export const KNATIVE_POLL: PollSizes = { maxPollRecords: 50, maxPartitionFetchBytes: 65_536 };
/** What a cluster has after `knative/kafka-source-settings.sh`, which `terraform/` runs. */
export const KANDLE_POLL: PollSizes = { ...KNATIVE_POLL, maxPartitionFetchBytes: 262_144 };

/** How a source is run on this machine. */
export interface SourceOptions {
  readonly poll: PollSizes;
  /**
   * Pods of the dispatcher: each makes one consumer of a source, whatever `spec.consumers` says. A cluster as
   * installed has one.
   */
  readonly dispatchers?: number | undefined;
  /** Hands an event to the function. */
  readonly send: (
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    timeoutMs: number,
  ) => Promise<Attempt>;
  readonly log: (line: string) => void;
  /** For tests: how many times each event is delivered; at-least-once allows any number above 0. */
  readonly deliveries?: number | undefined;
  /** How long `stop()` waits for what is under way, milliseconds. */
  readonly stopDeadlineMs?: number | undefined;
}

const COMMIT_INTERVAL_MS = 5_000;
const STOP_DEADLINE_MS = 25_000;
const MAX_TOLD = 100;

/**
 * Starts to deliver a topic's events to a function as KafkaSource's dispatcher does: polled on a timer, in
 * order with one request in flight per partition (or unordered), at least once, tried again as the delivery
 * block says, given up to the dead letter topic, or dropped where there is none; offsets committed every 5 s.
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

  /** A fact is told once; how often it came is in the metrics. */
  function tell(fact: string): void {
    if (!told.has(fact)) options.log(`${fact}; the same is not told again`);
    if (told.size < MAX_TOLD) told.add(fact);
  }

  /** @returns False if the source was stopped before the event was settled. */
  async function handle(partition: number, message: KafkaMessage): Promise<boolean> {
    const event = eventOfRecord(message, { topic: plan.topic, partition, source: plan.name });
    if (hasLineBreak(event)) {
      stats.dropped += 1;
      tell(`${plan.name}: dropped an event: one of its attributes has a line break`);
      return true;
    }
    const headers = requestHeaders(event);
    for (let delivery = 0; delivery < (options.deliveries ?? 1); delivery++) {
      if (stopping.signal.aborted) return false;
      const last = await deliver(
        () => options.send(headers, event.body, plan.delivery.timeoutMs),
        plan.delivery,
        () => {
          stats.retries += 1;
        },
        stopping.signal,
      );
      if (last.status !== null && last.status < 300) stats.delivered += 1;
      else if (stopping.signal.aborted) return false;
      else await giveUp(event, last);
    }
    return true;
  }

  async function giveUp(event: SourceEvent, last: Attempt): Promise<void> {
    const topic = plan.delivery.deadLetterTopic;
    const fact = `${plan.name}: gave up an event with ${last.status ?? 'no answer'}: ${last.body.toString().slice(0, 200)}`;
    if (topic === null) {
      stats.dropped += 1;
      tell(`${fact} (dropped: the source has no dead letter sink)`);
      return;
    }
    try {
      const letter = deadLetterOf(event, plan.sink, last);
      await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages: [letter] });
      stats.deadLettered += 1;
      tell(`${fact} (kept in ${topic})`);
    } catch (error) {
      stats.dropped += 1;
      tell(`${fact} (dropped: ${topic} did not take it: ${String(error)})`);
    }
  }

  function queueOf(partition: number): PartitionQueue {
    let queue = queues.get(partition);
    if (queue === undefined) {
      queue = createPartitionQueue(plan.ordering === 'ordered', async (message) => {
        const settled = await handle(partition, message);
        // Told when the queue has taken note of it.
        setImmediate(() => consumers.forEach((consumer) => consumer.pollIfFree()));
        return settled;
      });
      queues.set(partition, queue);
    }
    return queue;
  }

  const dispatchers = options.dispatchers ?? 1;
  if (plan.initialOffset === 'latest') await pinLatestOffsets(kafka, plan);
  const committed = new Map<number, bigint>();
  let consumers: Awaited<ReturnType<typeof startSourceConsumer>>[] = [];

  /** What no consumer of this source has any more is another source's to deliver and to commit. */
  function forgetLost(): void {
    if (consumers.length < dispatchers) return;
    for (const [partition, queue] of queues) {
      if (consumers.some((consumer) => consumer.partitions().has(partition))) continue;
      queue.clear();
      committed.delete(partition);
    }
  }

  consumers = await Promise.all(
    Array.from({ length: dispatchers }, () =>
      startSourceConsumer(kafka, plan, options.poll, {
        push: (partition, message) => queueOf(partition).push(message),
        pending: (partition) => queues.get(partition)?.pending() ?? 0,
        waiting: (partition) => queues.get(partition)?.waiting() ?? 0,
        onAssigned: forgetLost,
        onCrash: (error) =>
          options.log(`${plan.name}: its consumer ended and is started again: ${error.message}`),
      }),
    ),
  );

  forgetLost();

  async function commit(): Promise<void> {
    const due = [...queues].flatMap(([partition, queue]) => {
      const offset = queue.settled();
      return offset === undefined || offset === committed.get(partition) ? [] : [{ partition, offset }];
    });
    if (due.length === 0) return;
    const offsets = due.map(({ partition, offset }) => ({
      topic: plan.topic,
      partition,
      offset: String(offset),
    }));
    // Any consumer may commit for the source's partitions: Kafka asks only whether it is of the group.
    const [first] = consumers;
    await first?.consumer.commitOffsets(offsets);
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
      for (const consumer of consumers) consumer.stopPolling();
      const deadline = new AbortController();
      await Promise.race([
        Promise.all([...queues.values()].map((queue) => queue.idle())),
        sleep(options.stopDeadlineMs ?? STOP_DEADLINE_MS, undefined, { signal: deadline.signal }).catch(
          () => undefined,
        ),
      ]);
      deadline.abort();
      await commit().catch(() => undefined);
      await Promise.all(consumers.map(({ consumer }) => consumer.disconnect().catch(() => undefined)));
    },
  };
}
