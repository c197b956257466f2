import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerChild } from '@kandle/servers/process/child';
import { fetchLib } from '@kandle/servers/jars/jars';
import { type KafkaOptions, startKafka } from '@kandle/servers/kafka/kafka-server';
import { JARS_FOLDER } from '@kandle/tooling/paths';
import { choosePorts } from '@kandle/servers/ports/ports';
import { inject, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(300);

// Every other test of this project runs on Kafka 4.
test('every trade counts once on Kafka 3.9, which is killed under load', { timeout: 900_000 }, async () => {
  const signal = new AbortController().signal;
  const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
  const libDir = await fetchLib('kafka-3.9', { cacheDir: JARS_FOLDER, onProgress, signal });
  const dataDir = mkdtempSync(join(tmpdir(), 'kandle-kafka-3-9-'));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const options: KafkaOptions = {
    libDir,
    dataDir,
    ports: await choosePorts({}, { random: true }),
    onProgress,
    signal,
  };
  let kafka: ServerChild = await startKafka(options);
  onTestFinished(() => kafka.kill());
  const { stack, end } = await startTestStack({
    rate: RATE,
    servers: {
      kafkaBrokers: [`127.0.0.1:${options.ports.kafka}`],
      cassandra: inject('cassandra'),
      pidOf: null,
    },
  });
  onTestFinished(end);
  await until('enough trades', () => stack.feed.stats().trades >= 10 * RATE);
  await kafka.kill();
  kafka = await startKafka(options);
  const { trades } = stack.feed.stats();
  await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
  await expectClean(stack);
});
