import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { formatRawBatch, parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { afterEach, beforeEach, expect, inject, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { readConfig } from '../src/config.ts';
import { END_OF_RECORDING } from '../src/feed/line/web-socket-line.ts';
import { readLiveChildren } from '@kandle/servers/process/run-record';
import { createIngest, type Ingest } from '../src/ingest.ts';
import type { TailMessage } from '../src/read-back/offset-range-consumer.ts';
import { readTopicTail } from '../src/read-back/topic-tail.ts';

const log = createLogger('ingest-test', 'silent');
const cleanUps: (() => unknown)[] = [];
let topics = { raw: '', rejects: '' };

function connectKafka() {
  const settings = { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false };
  return createKafka(settings, 'ingest-test', log);
}

async function createFresh(...names: string[]): Promise<void> {
  const admin = connectKafka().admin();
  await admin.connect();
  await createTopics(
    admin,
    names.map((topic) => ({ topic, partitions: 4 })),
  );
  await admin.disconnect();
}

beforeEach(() => {
  const suffix = randomUUID().slice(0, 8);
  topics = { raw: `test.raw.${suffix}`, rejects: `test.rejects.${suffix}` };
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function startServer() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const sockets: WebSocket[] = [];
  const requests: string[] = [];
  server.on('connection', (socket) => {
    sockets.push(socket);
    socket.on('message', (data: Buffer) =>
      requests.push(Object(JSON.parse(data.toString()))['type'] as string),
    );
  });
  await once(server, 'listening');
  cleanUps.push(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { sockets, requests, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

function startIngest(
  url: string,
  changes: Record<string, string> = {},
): { ingest: Ingest; begun: Promise<void> } {
  const config = readConfig({
    FEED_URL: url,
    FINNHUB_TOKEN: 'key',
    SYMBOLS: 'AAPL,BINANCE:BTCUSDT,MSFT',
    RAW_TOPIC: topics.raw,
    REJECTS_TOPIC: topics.rejects,
    SHARD_COUNT: '4',
    RECONNECT_MIN_MS: '10',
    ...changes,
  });
  const ingest = createIngest(config, connectKafka(), log);
  cleanUps.push(() => ingest.stop(5_000));
  return { ingest, begun: ingest.start() };
}

async function readAll(topic: string): Promise<TailMessage[]> {
  const messages: TailMessage[] = [];
  await readTopicTail(connectKafka(), topic, {
    sinceMs: 0,
    groupId: `test-${randomUUID()}`,
    onMessage: (message) => messages.push(message),
    signal: new AbortController().signal,
    log,
  });
  return messages;
}

async function readBatches(): Promise<RawBatch[]> {
  const messages = await readAll(topics.raw);
  return messages
    .filter(({ attributes }) => attributes['type'] === 'io.kandle.trades.raw.v1')
    .map(({ attributes, value }) => parseRawBatch(attributes, JSON.parse(value)));
}

const trade = (s: string, t: number, p = 1) => ({ c: null, p, s, t, v: 0.5 });
const frame = (...data: unknown[]) => JSON.stringify({ data, type: 'trade' });

test('a recording arrives in order, in contiguous batches, and what is refused in the rejects', async () => {
  await createFresh(topics.raw, topics.rejects);
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url, { REPLAY_SPEED: 'max', MAX_TRADES: '50' });
  await begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  const symbols = ['AAPL', 'BINANCE:BTCUSDT', 'MSFT'];
  const trades = Array.from({ length: 3_000 }, (_, n) =>
    trade(symbols[n % 3] ?? '', 1_723_161_255_000 + n * 10, n),
  );
  for (let n = 0; n < trades.length; n += 7) server.sockets[0]?.send(frame(...trades.slice(n, n + 7)));
  server.sockets[0]?.send('garbage');
  server.sockets[0]?.close(1000, END_OF_RECORDING);
  await vi.waitFor(() => expect(ingest.status()).toMatchObject({ ended: true, drained: true }), 30_000);
  expect(ingest.status()).toMatchObject({
    accepted: 3_000,
    sentRecords: 3_000,
    rejected: 1,
    buffered: 0,
    connected: false,
  });

  const byShard = Map.groupBy(await readBatches(), ({ shard }) => shard);
  const got = new Map<string, unknown[]>();
  for (const [shard, batches] of byShard) {
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, index) => index + 1));
    expect(new Set(batches.map(({ epoch }) => epoch))).toEqual(new Set([ingest.status().epoch]));
    const last = batches.at(-1);
    expect(last?.watermarkMs).toBe(ingest.status().shards[shard]?.watermarkMs);
    expect(last?.watermarkMs).toBeGreaterThanOrEqual(1_723_161_285_000 + 2_000);
    for (const { record } of batches.flatMap(({ records }) => records)) {
      const { s: symbol } = record;
      got.set(String(symbol), [...(got.get(String(symbol)) ?? []), record]);
    }
  }
  for (const symbol of symbols) expect(got.get(symbol)).toEqual(trades.filter(({ s }) => s === symbol));
  const [rejects] = await readAll(topics.rejects);
  expect(JSON.parse(rejects?.value ?? '')).toMatchObject({
    rejects: [{ reason: 'bad_frame', record: 'garbage' }],
  });
});

test('a restart sends nothing twice, continues epoch and watermark, and closes the window that waits', async () => {
  await createFresh(topics.raw, topics.rejects);
  const server = await startServer();
  const quick = { DISORDER_MS: '100', GRACE_MS: '200' };
  const first = startIngest(server.url, quick);
  await first.begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  // At the beginning of a window, so that the restart comes before its end. A timer may fire a millisecond
  // early.
  await new Promise((resolve) => setTimeout(resolve, 5_050 - (Date.now() % 5_000)));
  const nowMs = Date.now();
  const old = [trade('AAPL', nowMs), trade('AAPL', nowMs + 10), trade('AAPL', nowMs + 10)];
  server.sockets[0]?.send(frame(...old));
  await vi.waitFor(() => expect(first.ingest.status().sentRecords).toBe(3), 10_000);
  expect(await first.ingest.stop(5_000)).toBe(true);

  const second = startIngest(server.url, quick);
  await second.begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(2));
  server.sockets[1]?.send(frame(...old));
  await vi.waitFor(() => expect(second.ingest.status().duplicates).toBe(3));
  const alive = setInterval(() => server.sockets[1]?.send('{"type":"ping"}'), 50);
  cleanUps.push(() => clearInterval(alive));
  await vi.waitFor(() => expect(second.ingest.status().batches).toBe(1), 20_000);

  const batches = await readBatches();
  expect(batches.flatMap(({ records }) => records)).toHaveLength(3);
  const last = batches.at(-1);
  expect(last).toMatchObject({ sequence: 1, epoch: second.ingest.status().epoch, records: [] });
  expect(last?.epoch).toBeGreaterThan(first.ingest.status().epoch);
  expect(last?.watermarkMs).toBe(Math.floor((nowMs + 10) / 5_000) * 5_000 + 5_200);
  const watermarks = batches.map(({ watermarkMs }) => watermarkMs);
  expect(watermarks).toEqual(watermarks.toSorted((a, b) => a - b));
  const gaps = (await readAll(topics.raw)).filter(({ attributes }) => attributes['type']?.includes('gap'));
  const told = gaps.map(({ value }) => Object(JSON.parse(value)));
  expect(told.filter(({ reason }) => reason !== 'started')).toMatchObject([
    { reason: 'restarted', fromMs: nowMs + 10 - 100 },
  ]);
});

test('a restart after a long stop reads back the minutes before it', async () => {
  await createFresh(topics.raw, topics.rejects);
  const longAgoMs = Date.now() - 3_600_000;
  const record = trade('AAPL', longAgoMs);
  const producer = createEventProducer(connectKafka());
  cleanUps.push(() => producer.close());
  const future = Date.now() + 1_000_000;
  await producer.send(topics.raw, [
    formatRawBatch({
      shard: 'finnhub-02',
      epoch: future,
      sequence: 5,
      watermarkMs: longAgoMs - 1_000,
      ingestTimeMs: longAgoMs,
      records: [{ id: 'not-ours', record: { t: longAgoMs, v: 1 } }],
    }),
  ]);
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url);
  await begun;
  expect(ingest.status().epoch).toBe(future + 1);
  expect(ingest.status().shards['finnhub-02']?.watermarkMs).toBe(longAgoMs - 1_000);
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  server.sockets[0]?.send(frame({ ...record, t: Date.now() }));
  await vi.waitFor(() => expect(ingest.status().accepted).toBe(1));
});

test('a batch in the log that cannot be read is named, and its trades are a gap', async () => {
  await createFresh(topics.raw, topics.rejects);
  const producer = createEventProducer(connectKafka());
  cleanUps.push(() => producer.close());
  const longAgoMs = Date.now() - 60_000;
  const shard = 'finnhub-02';
  const batch = (sequence: number, watermarkMs: number, watermarkBeforeMs: number) =>
    formatRawBatch({
      shard,
      epoch: longAgoMs,
      sequence,
      watermarkMs,
      watermarkBeforeMs,
      ingestTimeMs: longAgoMs,
      records: [{ id: `x${sequence}`, record: { t: watermarkMs + 100, v: 1 } }],
    });
  const broken = batch(2, longAgoMs + 9_000, longAgoMs);
  await producer.send(topics.raw, [
    batch(1, longAgoMs, longAgoMs - 5_000),
    { ...broken, data: { records: 'none' } },
    batch(3, longAgoMs + 12_000, longAgoMs + 9_000),
  ]);
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url, { DISORDER_MS: '100' });
  await begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  expect(ingest.status()).toMatchObject({ unreadableBatches: 1 });
  await vi.waitFor(async () => {
    const gaps = (await readAll(topics.raw)).map(({ value }) => Object(JSON.parse(value)));
    expect(gaps.filter(({ reason }) => reason === 'unreadable')).toMatchObject([
      { shard, fromMs: longAgoMs, toMs: longAgoMs + 9_000 + 100 },
    ]);
  }, 20_000);
});

test('waits for a topic that is not there yet, and gives up only when stopped', async () => {
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  expect(server.sockets).toHaveLength(0);
  await createFresh(topics.raw, topics.rejects);
  await begun;
  await vi.waitFor(() => expect(ingest.status().connected).toBe(true));

  topics = { raw: 'test.never', rejects: 'test.never' };
  const never = startIngest(server.url);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const stopped = never.ingest.stop(1_000);
  await never.begun;
  expect(await stopped).toBe(true);
});

test('holds a replay back at the bound instead of dropping, when it comes faster than Kafka takes it', async () => {
  await createFresh(topics.raw);
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url, { REPLAY_SPEED: 'max', BUFFER_MAX_RECORDS: '100' });
  await begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  for (let n = 0; n < 2_000; n++) server.sockets[0]?.send(frame(trade('AAPL', 1_723_161_255_000 + n, n)));
  server.sockets[0]?.close(1000, END_OF_RECORDING);
  await vi.waitFor(() => expect(ingest.status().drained).toBe(true), 30_000);
  expect(ingest.status()).toMatchObject({ sentRecords: 2_000, dropped: 0 });
});

test('sends everything once Kafka is back, each batch under its one number, when the broker is killed under load', async () => {
  await createFresh(topics.raw, topics.rejects);
  const server = await startServer();
  const { ingest, begun } = startIngest(server.url);
  await begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  const beganMs = Date.now();
  let count = 0;
  const feeding = setInterval(() => {
    count += 1;
    server.sockets[0]?.send(
      frame(trade('AAPL', beganMs + count, count), trade('MSFT', beganMs + count, count)),
    );
  }, 2);
  cleanUps.push(() => clearInterval(feeding));
  await vi.waitFor(() => expect(ingest.status().sentRecords).toBeGreaterThan(200), 10_000);
  const kafka = readLiveChildren(inject('serversFolder')).find(({ role }) => role === 'kafka');
  process.kill(kafka?.pid ?? Number.NaN, 'SIGKILL');
  await vi.waitFor(() => expect(ingest.status().buffered).toBeGreaterThan(500), 20_000);
  await vi.waitFor(() => expect(ingest.status().buffered).toBeLessThan(100), 90_000);
  clearInterval(feeding);
  await vi.waitFor(() => expect(ingest.status().accepted).toBe(2 * count));
  expect(await ingest.stop(20_000)).toBe(true);

  const batches = await readBatches();
  // A batch whose acknowledgement was lost may be in the log twice: with one number and one content.
  const byId = Map.groupBy(batches, ({ shard, sequence }) => `${shard}:${sequence}`);
  for (const same of byId.values())
    expect(new Set(same.map(({ records }) => JSON.stringify(records))).size).toBe(1);
  const once = [...byId.values()].flatMap(([batch]) => (batch === undefined ? [] : [batch]));
  for (const shard of Map.groupBy(once, ({ shard }) => shard).values()) {
    expect(shard.map(({ sequence }) => sequence)).toEqual(shard.map((_, index) => index + 1));
  }
  expect(once.flatMap(({ records }) => records)).toHaveLength(2 * count);
});

test('books and news arrive in batches of their own, and neither the trades nor a restart takes notice of them', async () => {
  await createFresh(topics.raw, topics.rejects);
  const server = await startServer();
  const settings = { BOOKS: 'true', NEWS: 'true', BOOKS_AND_NEWS_MS: '20' };
  const { ingest: first, begun } = startIngest(server.url, settings);
  await begun;
  await vi.waitFor(() => expect(server.sockets).toHaveLength(1));
  const nowMs = Date.now();
  const book = (s: string, t: number) => ({ s, t, b: [[1, 1]], a: [[2, 1]] });
  const news = { id: 7, datetime: Math.floor(nowMs / 1_000), headline: 'x', related: 'AAPL' };
  for (let round = 0; round < 3; round++) {
    server.sockets[0]?.send(frame(trade('AAPL', nowMs + round), trade('MSFT', nowMs + round)));
    const data = [book('AAPL', nowMs + round), book('MSFT', nowMs + round)];
    server.sockets[0]?.send(JSON.stringify({ type: 'book', data }));
    server.sockets[0]?.send(JSON.stringify({ type: 'news', data: [{ ...news, id: round }] }));
    await vi.waitFor(() => expect(first.status().books).toBe(2 * (round + 1)));
  }
  expect(await first.stop(5_000)).toBe(true);
  const sent = await readAll(topics.raw);
  const idsOf = (type: string) =>
    sent
      .filter(({ attributes }) => attributes['type'] === type)
      .map(({ attributes }) => String(attributes['id']));
  const { epoch } = first.status();
  for (const [type, kind] of [
    ['io.kandle.books.raw.v1', 'books'],
    ['io.kandle.news.raw.v1', 'news'],
  ] as const) {
    const byShard = Map.groupBy(idsOf(type), (id) => id.slice(0, id.lastIndexOf(':')));
    expect(byShard.size).toBeGreaterThan(0);
    for (const [begin, ids] of byShard) {
      expect(begin).toMatch(new RegExp(`^${epoch}:finnhub-\\d\\d:${kind}$`));
      expect(ids).toEqual(ids.map((_, index) => `${begin}:${index + 1}`));
    }
  }
  for (const batches of Map.groupBy(await readBatches(), ({ shard }) => shard).values()) {
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, index) => index + 1));
  }
  expect(server.requests.filter((type) => type === 'subscribe-news')).toHaveLength(3);
  expect(server.requests.filter((type) => type === 'subscribe-book')).toHaveLength(3);

  const { ingest: second, begun: again } = startIngest(server.url, settings);
  await again;
  expect(second.status().epoch).toBeGreaterThan(epoch);
  expect(second.status().shards).toMatchObject(
    Object.fromEntries(
      Object.entries(first.status().shards).map(([shard, { watermarkMs }]) => [
        shard,
        { watermarkMs, sequence: 0 },
      ]),
    ),
  );
});
