import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Kafka, logLevel } from 'kafkajs';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createLocalPages, type LocalAnswers } from '../src/console/local-pages.ts';
import { createTableBrowser } from '../src/console/table-browser.ts';
import { createTopicBrowser } from '../src/console/topic-browser.ts';

const keyspace = useTestKeyspace('local_pages');

const nothing: LocalAnswers = {
  run: async () => ({ big: 1n }),
  deadLetters: async () => [],
  redrive: async (id) => ({ said: id }),
  tables: async () => [],
  rows: async (table, limit) => ({ table, limit }),
  topics: async () => [],
  events: async () => [],
};

/** A server with the pages in front; what they leave alone is answered 418. */
async function serve(answers: LocalAnswers | null) {
  const pages = createLocalPages(() => answers);
  const server = createServer((incoming, outgoing) => {
    if (!pages(incoming, outgoing)) outgoing.writeHead(418).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const own = `127.0.0.1:${port}`;
  async function ask(path: string, method = 'GET', headers: Record<string, string> = {}, body = '') {
    const asked = request({ host: '127.0.0.1', port, path, method, headers: { host: own, ...headers } });
    asked.end(body);
    const [response] = await once(asked, 'response');
    let text = '';
    for await (const chunk of response) text += String(chunk);
    return [response.statusCode as number, text] as const;
  }
  return { ask, own };
}

test('paths below /local/ are answered here, and others are left alone', async () => {
  const { ask } = await serve(nothing);
  expect(await ask('/local/run')).toEqual([200, '{"big":"1"}']);
  expect(await ask('/local/rows?name=x&limit=7')).toEqual([200, '{"table":"x","limit":7}']);
  expect(await ask('/local/rows?name=x&limit=100000')).toEqual([200, '{"table":"x","limit":50}']);
  expect((await ask('/local/none'))[0]).toBe(404);
  expect((await ask('/v1/symbols'))[0]).toBe(418);
  expect((await (await serve(null)).ask('/local/run'))[0]).toBe(503);
});

test('a page of another host is refused, and a letter is sent again by the console only', async () => {
  const { ask, own } = await serve(nothing);
  const letter = JSON.stringify({ id: 'a:b:1' });
  expect((await ask('/local/run', 'GET', { host: 'evil.example' }))[0]).toBe(403);
  expect((await ask('/local/redrive', 'POST', {}, letter))[0]).toBe(403);
  expect((await ask('/local/redrive', 'POST', { origin: 'http://evil.example' }, letter))[0]).toBe(403);
  expect(await ask('/local/redrive', 'POST', { origin: `http://${own}` }, letter)).toEqual([
    200,
    '{"said":"a:b:1"}',
  ]);
  expect((await ask('/local/redrive', 'POST', { origin: `http://${own}` }, '{}'))[0]).toBe(400);
  expect((await ask('/local/redrive', 'GET'))[0]).toBe(404);
});

test('tables are shown with their columns, life and rows, and a name that is no table is never asked for', async () => {
  const browser = createTableBrowser(keyspace.client, keyspace.keyspace);
  const latest = (await browser.tables()).find(({ name }) => name === 'latest');
  expect(latest?.columns.slice(0, 2)).toEqual([
    { name: 'feed', type: 'text', kind: 'partition_key' },
    { name: 'symbol', type: 'text', kind: 'clustering' },
  ]);
  expect(latest?.ttlSeconds).toBeGreaterThan(0);
  expect([latest?.rows, latest?.hasMoreRows]).toEqual([0, false]);
  await keyspace.client.execute(
    "INSERT INTO latest (feed, symbol, time, price) VALUES ('sim', 'A', 1000, 1.5)",
  );
  const insert = `INSERT INTO news_ratings (feed, bucket, time, symbol, id) VALUES ('sim', 0, ?, 'A', 'a')`;
  const rated = Array.from({ length: 1_001 }, (_, n) => ({ query: insert, params: [n] }));
  await keyspace.client.batch(rated, { prepare: true, logged: false });
  const counted = await browser.tables();
  const rowsOf = (table: string) => counted.find(({ name }) => name === table);
  expect(rowsOf('latest')).toMatchObject({ rows: 1, hasMoreRows: false });
  expect(rowsOf('news_ratings')).toMatchObject({ rows: 1_000, hasMoreRows: true });
  const { columns, rows } = await browser.rows('latest', 10);
  const row = new Map(rows[0]?.map((cell, n) => [columns[n] ?? '', cell]));
  expect([row.get('feed'), row.get('time'), row.get('price'), row.get('size')]).toEqual([
    'sim',
    '1970-01-01T00:00:01.000Z',
    '1.5',
    '',
  ]);
  for (const name of ['none', 'latest; DROP TABLE latest', 'latest" LIMIT 1; --', ''])
    await expect(browser.rows(name, 10)).rejects.toThrow('There is no table');
  expect(await browser.lastAudit()).toBeNull();
});

test('the newest events of a topic are shown with their headers, and leave no group behind', async () => {
  const kafka = new Kafka({ brokers: [...inject('kafkaBrokers')], logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  const topic = `local-pages.${Date.now()}`;
  await Promise.all([admin.connect(), producer.connect()]);
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [topic] });
    await Promise.all([admin.disconnect(), producer.disconnect()]);
  });
  await createTopics(admin, [{ topic, partitions: 2, config: {} }]);
  const browser = createTopicBrowser(kafka, null);
  onTestFinished(() => browser.close());
  expect(await browser.events(topic, 5)).toEqual([]);
  for (let n = 0; n < 8; n++)
    await producer.send({
      topic,
      messages: [
        {
          key: 'k',
          partition: n % 2,
          value: `{"n":${n}}`,
          headers: { ce_type: 'some.type' },
          timestamp: String(1_000 + n),
        },
      ],
    });
  const events = await browser.events(topic, 3);
  expect(events.map(({ value, headers }) => [value, headers['ce_type']])).toEqual(
    [7, 6, 5].map((n) => [`{"n":${n}}`, 'some.type']),
  );
  expect((await browser.topics()).find(({ name }) => name === topic)).toEqual({
    name: topic,
    partitions: 2,
    held: 8,
    written: 8,
  });
  await expect(browser.events('no.such.topic', 3)).rejects.toThrow('There is no topic');
  const { groups } = await admin.listGroups();
  expect(groups.filter(({ groupId }) => groupId.startsWith('kandle-console-'))).toEqual([]);
});
