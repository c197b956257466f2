import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, KafkaJSNonRetriableError, logLevel } from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import type { SourcePlan } from '@kandle/knative/plan';
import { KANDLE_POLL } from '../src/kafka-source/source.ts';
import { type SourceConsumer, startSourceConsumer } from '../src/kafka-source/source-consumer.ts';
import { type ContractTopics, openTopics } from './contract-topics.ts';
import { event, eventually } from './kafka-source/bench.ts';

const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });

interface Rig {
  readonly topics: ContractTopics;
  readonly topic: string;
  readonly source: SourceConsumer;
  readonly pushed: string[];
  readonly crashes: Error[];
  /** Records that count as waiting: with any, nothing is polled. */
  waiting: number;
  /** Thrown at the next record. */
  fault: Error | null;
}

async function start(ordering: 'ordered' | 'unordered'): Promise<Rig> {
  const topics = await openTopics(inject('kafkaBrokers'));
  const topic = await topics.create();
  const plan = { topic, consumerGroup: `away-${randomUUID()}`, initialOffset: 'earliest', ordering };
  const seen = { pushed: [] as string[], crashes: [] as Error[], waiting: 0, fault: null as Error | null };
  const source = await startSourceConsumer(kafka, plan as SourcePlan, KANDLE_POLL, {
    push: (_, { offset }) => {
      const { fault } = seen;
      seen.fault = null;
      if (fault !== null) throw fault;
      seen.pushed.push(offset);
    },
    pending: () => 0,
    waiting: () => seen.waiting,
    onAssigned: () => undefined,
    onCrash: (error) => seen.crashes.push(error),
  });
  onTestFinished(async () => {
    source.stopPolling();
    await source.consumer.disconnect();
    await topics.close();
  });
  return Object.assign(seen, { topics, topic, source });
}

test('a poll survives that finds no consumer: what was fetched is delivered, and nobody else is held up', async () => {
  const rig = await start('ordered');
  rig.waiting = 1;
  await rig.topics.produce(rig.topic, [event('one'), event('two')]);
  // Fetched by now, and the partition is paused until a poll takes it.
  await sleep(1_500);
  await rig.source.consumer.stop();
  rig.waiting = 0;
  // An error in the timer would end this process.
  await eventually(async () => rig.pushed.length === 2);
  expect(rig.pushed).toEqual(['0', '1']);
});

test('a consumer that ends for good is told, started again, and delivers what it had not', async () => {
  const rig = await start('unordered');
  rig.fault = new KafkaJSNonRetriableError('Broken for the test');
  await rig.topics.produce(rig.topic, [event('one')]);
  await eventually(async () => rig.crashes.length > 0);
  expect(rig.crashes[0]?.message).toContain('Broken for the test');
  await rig.topics.produce(rig.topic, [event('two'), event('three')]);
  await eventually(async () => rig.pushed.includes('1') && rig.pushed.includes('2'));
});
