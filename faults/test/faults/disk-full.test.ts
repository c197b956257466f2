import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { localDataCenter } from '@kandle/servers/cassandra/cassandra-ready';
import { type CassandraOptions, startCassandra } from '@kandle/servers/cassandra/cassandra-server';
import type { ServerChild } from '@kandle/servers/process/child';
import { fetchJars } from '@kandle/servers/jars/jars';
import { type KafkaOptions, startKafka } from '@kandle/servers/kafka/kafka-server';
import { JARS_FOLDER } from '@kandle/tooling/paths';
import { choosePorts } from '@kandle/servers/ports/ports';
import { expect, inject, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { mountSmallDisk, type SmallDisk } from '../../src/stack/small-disk.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(300);
const FULL_MS = 10_000;
const TIMEOUT = { timeout: 900_000 };

const signal = new AbortController().signal;
const onProgress = (line: string): void => void process.stderr.write(`${line}\n`);
const fetchAll = () => fetchJars({ cacheDir: JARS_FOLDER, onProgress, signal });

/** Until the server has ended by itself, for its disk is full. */
async function untilEnded(server: ServerChild): Promise<string> {
  let how: string | null = null;
  void server.exited.then((text) => {
    how = text;
  });
  await until('the server ends', () => how !== null, 180_000);
  return how ?? '';
}

function mountOrSkip(skip: (note: string) => void, sizeMb: number): SmallDisk | null {
  const disk = mountSmallDisk(sizeMb);
  if (disk === null) skip('skipped: this user may not mount a tmpfs');
  return disk;
}

test(
  "every trade counts once, when Kafka's disk is full until somebody makes room",
  TIMEOUT,
  async ({ skip }) => {
    const disk = mountOrSkip(skip, 400);
    if (disk === null) return;
    onTestFinished(() => disk.unmount());
    const dataDir = join(disk.folder, 'kafka');
    mkdirSync(dataDir);
    const options: KafkaOptions = {
      libDir: (await fetchAll()).kafka,
      dataDir,
      ports: await choosePorts({}, { random: true }),
      onProgress,
      signal,
    };
    let kafka = await startKafka(options);
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
    disk.fill(1);
    const how = await untilEnded(kafka);
    onProgress(`Kafka ended: ${how}`);
    // The market goes on meanwhile; ingest holds what it cannot send.
    await sleep(FULL_MS);
    disk.empty();
    kafka = await startKafka(options);
    const { trades } = stack.feed.stats();
    await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
    await expectClean(stack);
  },
);

test(
  "every trade counts once, when Cassandra's disk is full until somebody makes room",
  TIMEOUT,
  async ({ skip }) => {
    const disk = mountOrSkip(skip, 700);
    if (disk === null) return;
    onTestFinished(() => disk.unmount());
    const dataDir = join(disk.folder, 'cassandra');
    mkdirSync(dataDir);
    const options: CassandraOptions = {
      libDir: (await fetchAll()).cassandra,
      dataDir,
      ports: await choosePorts({}, { random: true }),
      onProgress,
      signal,
      yaml: { commitlog_segment_size: '4MiB', commitlog_total_space: '64MiB' },
    };
    let cassandra = await startCassandra(options);
    onTestFinished(() => cassandra.kill());
    const { stack, end } = await startTestStack({
      rate: RATE,
      servers: {
        kafkaBrokers: inject('kafkaBrokers'),
        cassandra: { contactPoints: ['127.0.0.1'], port: options.ports.cassandra, localDataCenter },
        pidOf: null,
      },
    });
    onTestFinished(end);
    await until('enough trades', () => stack.feed.stats().trades >= 10 * RATE);
    await until('windows', async () => [...(await stack.lags()).values()].every((lag) => lag < 1_000));
    disk.fill(1);
    const how = await untilEnded(cassandra);
    onProgress(`Cassandra ended: ${how}`);
    expect(how).not.toBe('code 0');
    await sleep(FULL_MS);
    disk.empty();
    cassandra = await startCassandra(options);
    const { trades } = stack.feed.stats();
    await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
    await expectClean(stack);
  },
);
