import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { expect, inject, onTestFinished, test } from 'vitest';
import { openTopics } from './contract-topics.ts';

const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });

test('the Kafka client fetches at once what is resumed, though everything was paused', async () => {
  const topics = await openTopics(inject('kafkaBrokers'));
  onTestFinished(() => topics.close());
  const topic = await topics.create(1);
  const producer = kafka.producer();
  // Whoever waits for the rest of this time does not see the end of the test.
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 120_000 });
  onTestFinished(async () => {
    const ended = Promise.all([producer.disconnect(), consumer.disconnect()]);
    await sleep(100);
    // It ends when it looks up, and it is paused again; unless it has ended before it came to that.
    try {
      consumer.resume([{ topic }]);
    } catch {}
    await ended;
  });
  await Promise.all([producer.connect(), consumer.connect()]);
  const send = (value: string) => producer.send({ topic, messages: [{ value }] });
  await send('first');
  await consumer.subscribe({ topic, fromBeginning: true });
  const values: string[] = [];
  const { promise: isPaused, resolve: tellPaused } = Promise.withResolvers<void>();
  const { promise: isDone, resolve: tellDone } = Promise.withResolvers<void>();
  await consumer.run({
    eachBatch: async ({ batch, pause }) => {
      values.push(...batch.messages.map(({ value }) => String(value)));
      pause();
      tellPaused();
      if (values.length === 2) tellDone();
    },
  });
  await isPaused;
  await send('second');
  // Time for the client to see that there is nothing to fetch.
  await sleep(500);
  consumer.resume([{ topic }]);
  await isDone;
  expect(values).toEqual(['first', 'second']);
}, 30_000);
