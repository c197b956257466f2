import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { post } from '../src/kafka-source/deliver.ts';
import type { SourcePlan } from '@kandle/knative/plan';
import { KANDLE_POLL, startSource } from '../src/kafka-source/source.ts';
import { openTopics } from './contract-topics.ts';
import { startEventSink } from './event-sink.ts';

test('stop() waits no longer than its deadline for a function that hangs, and commits only what was before', async () => {
  const topics = await openTopics(inject('kafkaBrokers'));
  const sink = await startEventSink();
  onTestFinished(() => Promise.all([topics.close(), sink.close()]).then(() => undefined));
  const topic = await topics.create();
  const plan: SourcePlan = {
    name: 'hanging',
    topic,
    consumerGroup: `hanging-${randomUUID()}`,
    initialOffset: 'earliest',
    ordering: 'ordered',
    sink: 'function',
    delivery: {
      retry: 1,
      backoffPolicy: 'linear',
      backoffDelayMs: 100,
      timeoutMs: 60_000,
      deadLetterTopic: null,
    },
  };
  sink.answer(({ offset }) => (offset === 1 ? { hang: 'headers' } : { status: 204 }));
  await topics.produce(topic, [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
  const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });
  const source = await startSource(kafka, kafka.producer(), plan, {
    poll: KANDLE_POLL,
    send: (headers, body, timeoutMs) => post(sink.url, headers, body, timeoutMs),
    log: () => undefined,
    stopDeadlineMs: 200,
  });
  await sink.until(2);
  const startedMs = performance.now();
  await source.stop();
  expect(performance.now() - startedMs).toBeLessThan(10_000);
  expect(await topics.committed(plan.consumerGroup, topic)).toBe(1);
  expect(source.stats).toMatchObject({ delivered: 1, dropped: 0 });
});
