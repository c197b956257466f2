import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'kafkajs';
import { afterAll, inject, type TestContext } from 'vitest';
import type { DeliveryPlan, SourcePlan } from '@kandle/knative/plan';
import { type ContractTarget, type RunningSource, standIn } from '../contract-target.ts';
import { type ContractTopics, openTopics } from '../contract-topics.ts';
import { type EventSink, startEventSink } from '../event-sink.ts';

/**
 * The contract of KafkaSource, sentence by sentence seen from the function: over HTTP,
 * with real topics. It can be held against the real dispatcher by another `ContractTarget`.
 */
export const target: ContractTarget = standIn(inject('kafkaBrokers'));

/** The topics of the test file that imports this. */
export const topics: ContractTopics = await openTopics(inject('kafkaBrokers'));
afterAll(() => topics.close());

/** A test's own sink and topics. */
export interface Bench {
  readonly sink: EventSink;
  readonly plan: SourcePlan;
  readonly topic: string;
  readonly dead: string;
  start(): Promise<RunningSource>;
}

interface Wishes extends Partial<Omit<SourcePlan, 'delivery'>> {
  readonly delivery?: Partial<DeliveryPlan>;
  readonly partitions?: number;
  readonly dispatchers?: number;
}

/**
 * A sink and topics of the test's own, and a source that is not started yet. Tests wait more than they work
 * and go side by side: each says which one it is.
 */
export async function setUp(
  { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
  { delivery, partitions = 1, dispatchers, ...wishes }: Wishes = {},
): Promise<Bench> {
  const sink = await startEventSink();
  onTestFinished(() => sink.close());
  const [topic, dead] = await Promise.all([topics.create(partitions), topics.create()]);
  const plan: SourcePlan = {
    name: 'contract',
    topic,
    consumerGroup: `contract-${randomUUID()}`,
    initialOffset: 'earliest',
    ordering: 'ordered',
    sink: 'function',
    ...wishes,
    delivery: {
      retry: 3,
      backoffPolicy: 'linear',
      backoffDelayMs: 100,
      timeoutMs: 5_000,
      deadLetterTopic: dead,
      ...delivery,
    },
  };
  const start = async (): Promise<RunningSource> => {
    const running = await target.start(plan, sink.url, dispatchers);
    onTestFinished(() => running.stop());
    return running;
  };
  return { sink, plan, topic, dead, start };
}

/** A whole CloudEvent as our producers write it. */
export function event(id: string, { headers, value, ...more }: Partial<Message> = {}): Message {
  return {
    ...more,
    value: value === undefined ? JSON.stringify({ id }) : value,
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_source: '/feeds/test',
      ce_type: 'io.kandle.test.v1',
      'content-type': 'application/json',
      ...headers,
    },
  };
}

/** Events of a partition, numbered. */
export function events(count: number, partition = 0): Message[] {
  return Array.from({ length: count }, (_, n) => event(`${partition}-${n}`, { partition }));
}

/** The offsets that came from a partition, in order. */
export const offsetsOf = (sink: EventSink, partition = 0): number[] =>
  sink.requests.filter((request) => request.partition === partition).map(({ offset }) => offset);

/** 0, 1, … without `count` itself. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Resolves when the condition holds. @throws {Error} If it did not in time. */
export async function eventually(condition: () => Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It did not come true in ${deadlineMs} ms`);
    await sleep(50);
  }
}

/** Every commit is made, even one that the source makes on its timer only. */
export const commitsTo = (bench: Bench, offset: number, partition = 0): Promise<void> =>
  eventually(
    async () => (await topics.committed(bench.plan.consumerGroup, bench.topic, partition)) === offset,
  );
