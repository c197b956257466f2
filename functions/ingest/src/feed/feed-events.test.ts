import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createBufferBound } from '../lane/buffer-bound.ts';
import { createMetrics } from '../metrics.ts';
import { createFeedEvents } from './feed-events.ts';
import { createFeedTime } from './feed-time.ts';
import { createFinnhubFeed } from './finnhub/finnhub-feed.ts';
import { createIntake } from '../intake.ts';
import { createBooksAndNewsQueue } from '../lane/books-and-news-queue.ts';
import { createOutbox } from '../lane/outbox.ts';
import { createRejectQueue } from '../lane/reject-queue.ts';
import { createShardMap } from '../shard-map.ts';

const DISORDER_MS = 1_000;
const START_MS = Date.now();
const cleanUps: (() => unknown)[] = [];
const DEPARTURE = { epoch: 7, monotonicMs: 0, wallMs: 0, traceparent: () => 'tp' };
/** The test takes what waits itself. */
const asleep = { wake: () => undefined };

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A feed of two symbols from a real server up to the outbox. */
async function startLine() {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const sockets: WebSocket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  const shards = createShardMap({
    feed: 'finnhub',
    shardCount: 12,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  const metrics = createMetrics();
  const log = createLogger('test', 'silent');
  const bound = createBufferBound(
    { maxRecords: 100_000, maxBytes: 1e9, isReplay: false },
    { outbox, metrics, log, hold: () => undefined, release: () => undefined },
  );
  const rejects = createRejectQueue('finnhub', 1);
  const symbols = ['AAPL', 'BINANCE:BTCUSDT'];
  const booksAndNews = createBooksAndNewsQueue(shards, 1);
  const events = createFeedEvents({
    symbols,
    disorderMs: DISORDER_MS,
    isReplay: false,
    state: { connection: 0, isConnected: false, hasEnded: false, aliveMs: 0 },
    metrics,
    feedTime: createFeedTime(undefined, () => performance.now()),
    shards,
    intake: createIntake(shards, {
      clock: { disorderMs: DISORDER_MS, graceMs: 2_000, speed: 1 },
      aheadMs: 5_000,
      horizonMs: 900_000,
      memoryMs: 900_000,
      memoryMinTrades: 0,
      isReplay: false,
    }),
    bound,
    rejects,
    booksAndNews,
    monotonicMs: () => performance.now(),
    wallMs: Date.now,
    lanes: { trades: asleep, rejects: asleep, booksAndNews: asleep },
    log,
  });
  const feed = createFinnhubFeed(
    {
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      token: 'key',
      symbols,
      subscriptions: [],
      silenceMs: 5_000,
      reconnectMinMs: 20,
      reconnectMaxMs: 50,
      stableMs: 5_000,
      isReplay: false,
      random: () => 1,
      log,
    },
    events,
  );
  cleanUps.push(
    () => server.close(),
    () => feed.stop(false),
  );
  feed.start();
  await vi.waitFor(() => expect(sockets).toHaveLength(1));
  const take = (): readonly MarketEvent[] => outbox.take(DEPARTURE, true)?.events ?? [];
  return { sockets, metrics, rejects, booksAndNews, take, events };
}

const trade = (s: string, t: number, p = 1) => ({ c: null, p, s, t: START_MS + t, v: 0.5 });
const frame = (...data: unknown[]) => JSON.stringify({ data, type: 'trade' });
const recordsOf = (event: MarketEvent | undefined) => Object(event?.data)['records'] as { record: unknown }[];

test('splits a frame of 707 trades and shards one of mixed symbols, in order', async () => {
  const { sockets, metrics, take } = await startLine();
  const many = Array.from({ length: 707 }, (_, n) => trade('AAPL', 0, n));
  sockets[0]?.send(frame(...many));
  sockets[0]?.send(frame(trade('BINANCE:BTCUSDT', 1), trade('AAPL', 2), trade('BINANCE:BTCUSDT', 3)));
  await vi.waitFor(() => expect(metrics.records).toBe(710));
  const batches = take();
  const byShard = Map.groupBy(batches, ({ key }) => key);
  expect(
    [...byShard.values()]
      .map((shard) => shard.map((event) => recordsOf(event).length))
      .toSorted((a, b) => a.length - b.length),
  ).toEqual([[2], [400, 308]]);
  const longest = [...byShard.values()].find((shard) => shard.length === 2) ?? [];
  expect(longest.flatMap(recordsOf).map(({ record }) => record)).toEqual([...many, trade('AAPL', 2)]);
});

test('keeps twins and drops repeats, when a reconnect delivers again', async () => {
  const { sockets, metrics, take } = await startLine();
  sockets[0]?.send(frame(trade('AAPL', 0), trade('AAPL', 0), trade('AAPL', 5)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(3));
  sockets[0]?.terminate();
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  // Both twins and the third come again, then a twin that is new, then news.
  sockets[1]?.send(
    frame(trade('AAPL', 0), trade('AAPL', 0), trade('AAPL', 5), trade('AAPL', 5), trade('AAPL', 9)),
  );
  await vi.waitFor(() => expect(metrics.records).toBe(8));
  expect(metrics).toMatchObject({ accepted: 5, duplicates: 3, gaps: 1 });
  const events = take();
  const [before, gap, after] = events;
  expect(recordsOf(before)).toHaveLength(3);
  expect(gap).toMatchObject({
    type: 'io.kandle.feed.gap.v1',
    data: { reason: 'disconnected', fromMs: expect.any(Number) },
  });
  // From where the feed was when the line was last alive, less the disorder: some of it may have been under way.
  expect(Object(gap?.data)['fromMs']).toBeLessThan(START_MS + 5);
  expect(Object(gap?.data)['fromMs']).toBeGreaterThanOrEqual(START_MS + 5 - DISORDER_MS);
  expect(Object(gap?.data)['toMs']).toBeGreaterThan(START_MS + 5);
  expect(recordsOf(after).map(({ record }) => record)).toEqual([trade('AAPL', 5), trade('AAPL', 9)]);
  expect([before, after].map((event) => event?.extensions['sequence'])).toEqual(['1', '2']);
});

test('counts pings and errors, and refuses garbage with a reason', async () => {
  const { sockets, metrics, rejects, take, events } = await startLine();
  for (const text of [
    '{"type":"ping"}',
    '{"msg":"Invalid symbol","type":"error"}',
    '{"type":"pr","data":[]}',
    `garbage ${'x'.repeat(5_000)}`,
    frame(5, trade('nope!', 0), { ...trade('AAPL', 0), t: 5 }, trade('AAPL', 3_600_000), trade('AAPL', 0)),
  ]) {
    sockets[0]?.send(text);
  }
  sockets[0]?.send(Buffer.from([1]));
  await vi.waitFor(() => expect(metrics.frames).toBe(6));
  // The one from the future waits for a word, which does not come.
  expect(metrics).toMatchObject({ rejected: 6, waiting: 1 });
  events.onStop();
  expect(metrics).toMatchObject({ pings: 1, feedErrors: 1, records: 5, accepted: 1, rejected: 7 });
  const refused = Object(rejects.take(DEPARTURE, true)?.events[0]?.data)['rejects'] as {
    reason: string;
    record: unknown;
  }[];
  expect(refused.map(({ reason }) => reason)).toEqual([
    'unknown_frame_type',
    'bad_frame',
    'bad_frame',
    'bad_symbol',
    'bad_time',
    'bad_frame',
    'too_far_ahead',
  ]);
  expect(String(refused[1]?.record)).toHaveLength(2_000);
  expect(take()).toHaveLength(1);
});

test('takes books and news beside the trades, and refuses those without a symbol', async () => {
  const { sockets, metrics, rejects, booksAndNews, take } = await startLine();
  const book = (s: string, t: number) => ({ s, t: START_MS + t, b: [[1, 1]], a: [[2, 1]] });
  sockets[0]?.send(
    JSON.stringify({ type: 'book', data: [book('AAPL', 0), book('nope!', 0), book('AAPL', 9)] }),
  );
  sockets[0]?.send(
    JSON.stringify({ type: 'news', data: [{ id: 1, related: 'AAPL' }, { id: 2, related: '' }, 5] }),
  );
  sockets[0]?.send(frame(trade('AAPL', 0)));
  await vi.waitFor(() => expect(metrics.frames).toBe(3));
  expect(metrics).toMatchObject({
    records: 1,
    accepted: 1,
    books: 2,
    booksCoalesced: 1,
    news: 1,
    rejected: 3,
  });
  expect(booksAndNews.size()).toBe(2);
  expect(rejects.size()).toBe(3);
  // A trade's batch has the number 1, whatever else came before it.
  expect(take().map(({ id }) => id)).toEqual([expect.stringMatching(/^7:finnhub-\d\d:1$/)]);
});
