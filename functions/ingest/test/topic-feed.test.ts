import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import { FOREIGN_TRADE, FOREIGN_TRADE_MAPPING } from '@kandle/testkit/foreign-trades';
import avsc from 'avsc';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { runFeed } from './running-feed.ts';

const AT = 1_764_000_000_000;
const PARTITIONS = 3;

const folder = mkdtempSync(join(tmpdir(), 'kandle-topic-'));
const schemaFile = join(folder, 'trade.avsc');
const avro = avsc.Type.forSchema(JSON.parse(JSON.stringify(FOREIGN_TRADE)));
const name = `foreign${Date.now()}`;
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
  name,
  createLogger(name, 'silent'),
);
const [admin, producer] = [kafka.admin(), kafka.producer()];
let topics = 0;

beforeAll(async () => {
  writeFileSync(schemaFile, JSON.stringify(FOREIGN_TRADE));
  await Promise.all([admin.connect(), producer.connect()]);
});
afterAll(async () => {
  await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(name)) });
  await Promise.all([admin.disconnect(), producer.disconnect()]);
  rmSync(folder, { recursive: true, force: true });
});

/** A topic, who writes to it, and how its feed is started. */
async function newTopic() {
  topics += 1;
  const topic = `${name}.${topics}`;
  const feedName = `f${topics}-${Date.now()}`;
  await createTopics(admin, [{ topic, partitions: PARTITIONS, config: { 'retention.ms': '-1' } }]);
  const valueOf = (n: number): Buffer =>
    avro.toBuffer({ symbol: `S${n % PARTITIONS}`, price: 100 + n, volume: 1, trade_timestamp: AT + n });
  const send = (from: number, to: number): Promise<unknown> =>
    producer.send({
      topic,
      messages: Array.from({ length: to - from }, (_, index) => ({
        partition: (from + index) % PARTITIONS,
        value: valueOf(from + index),
        timestamp: String(AT + (from + index) * 1_000),
      })),
    });
  const start = (changes: Readonly<Record<string, string>> = {}, isJson = false) => {
    const [broker = ''] = inject('kafkaBrokers');
    const running = runFeed({
      VENDOR: 'ndjson',
      FEED: feedName,
      FEED_URL: `kafka://${broker}/${topic}`,
      TOPIC_FROM: 'beginning',
      NDJSON_MAPPING: FOREIGN_TRADE_MAPPING,
      ...(isJson ? {} : { TOPIC_SCHEMA_FILE: schemaFile }),
      ...changes,
    });
    return { ...running, prices: () => running.entries().map(({ p }) => p) };
  };
  const committed = async (): Promise<number> => {
    const [found] = await admin.fetchOffsets({ groupId: `kandle-ingest-${feedName}-topic`, topics: [topic] });
    return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  };
  return { topic, send, start, committed };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => 100 + from + n);

test('tells foreign Avro trades once, in the order of their times whatever the partition, with their place for an id', async () => {
  const { send, start } = await newTopic();
  // Two partitions are written before the third has anything: read one after the other they would come so.
  await send(0, 3_000);
  const { entries, prices, events, frames } = start();
  await vi.waitFor(() => expect(prices()).toHaveLength(3_000), 30_000);
  expect(prices()).toEqual(numbers(0, 3_000));
  expect(entries()[4]).toEqual({ s: 'S1', p: 104, v: 1, t: AT + 4, i: '1:1' });
  expect(new Set(entries().map(({ i }) => i)).size).toBe(3_000);
  await send(3_000, 3_010);
  await vi.waitFor(() => expect(prices()).toHaveLength(3_010), 10_000);
  expect(events).toEqual(['connected 1 kept']);
  expect(frames.every(({ kind }) => kind === 'trade')).toBe(true);
});

test('keeps the order of times, when it is held for longer than it waits for a partition', async () => {
  const { send, start } = await newTopic();
  // More than may wait of a partition, so that all are paused, and more than one fetch brings afterwards.
  const trades = 24_000;
  for (let from = 0; from < trades; from += 3_000) await send(from, from + 3_000);
  const { feed, prices } = start();
  await vi.waitFor(() => expect(prices().length).toBeGreaterThan(0), 30_000);
  feed.pause();
  const before = prices().length;
  expect(before).toBeLessThan(trades);
  await setTimeout(6_000);
  expect(prices()).toHaveLength(before);
  feed.resume();
  await vi.waitFor(() => expect(prices()).toHaveLength(trades), 30_000);
  expect(prices()).toEqual(numbers(0, trades));
});

test('begins where it ended, when it was stopped, and again with the same ids, when it was killed', async () => {
  const { send, start, committed } = await newTopic();
  await send(0, 30);
  const first = start();
  await vi.waitFor(() => expect(first.prices()).toHaveLength(30), 30_000);
  // As if it was killed: nothing was acknowledged, nothing committed.
  await first.feed.stop(false);
  expect(await committed()).toBe(0);
  const second = start();
  await vi.waitFor(() => expect(second.prices()).toHaveLength(30), 30_000);
  expect(second.entries()).toEqual(first.entries());
  await second.feed.stop(true);
  expect(await committed()).toBe(30);
  await send(30, 60);
  const third = start();
  await vi.waitFor(() => expect(third.prices()).toEqual(numbers(30, 60)), 30_000);
  expect(third.events).toEqual(['connected 1 kept']);
});

test('says what cannot be read, with its place, and goes on', async () => {
  const { topic, send, start } = await newTopic();
  await producer.send({
    topic,
    messages: [
      { partition: 0, value: Buffer.from([200]) },
      { partition: 0, value: null },
    ],
  });
  await send(0, 3);
  const { frames, prices } = start();
  await vi.waitFor(() => expect(prices()).toHaveLength(3), 30_000);
  const bad = frames.filter(({ kind }) => kind === 'bad');
  expect(bad).toHaveLength(2);
  for (const [n, frame] of bad.entries())
    expect(frame).toMatchObject({ detail: expect.stringContaining(`record 0:${n} of ${topic}`) });
});

test('reads JSON without a schema, and only what comes, when it is to begin at the end', async () => {
  const { topic, start } = await newTopic();
  const sendJson = (price: number): Promise<unknown> =>
    producer.send({
      topic,
      messages: [{ value: JSON.stringify({ symbol: 'A', price, volume: 1, trade_timestamp: AT }) }],
    });
  await sendJson(1);
  const { feed, prices, events } = start({ TOPIC_FROM: 'end' }, true);
  await vi.waitFor(() => expect(events).toEqual(['connected 1 null']), 30_000);
  await sendJson(2);
  await vi.waitFor(() => expect(prices()).toEqual([2]), 30_000);
  // Killed before it has committed anything that came, the next one does not begin at the end once more.
  await feed.stop(false);
  const next = start({ TOPIC_FROM: 'end' }, true);
  await vi.waitFor(() => expect(next.prices()).toEqual([2]), 30_000);
  expect(next.events).toEqual(['connected 1 kept']);
});

test('says why there is no line, and tries again, when there is no Kafka or no topic', async () => {
  const { start } = await newTopic();
  const nobody = start({ FEED_URL: `kafka://127.0.0.1:${await freePort()}/any` });
  const nothing = start({ FEED_URL: `kafka://${inject('kafkaBrokers')[0]}/${name}.none` });
  await vi.waitFor(() => {
    for (const { waits } of [nobody, nothing]) {
      expect(waits.length).toBeGreaterThan(1);
      expect(waits[0]?.[0]).toMatch(/^Cannot read (any|foreign\d+\.none): ./);
    }
  }, 60_000);
  expect([...nobody.events, ...nothing.events]).toEqual([]);
});
