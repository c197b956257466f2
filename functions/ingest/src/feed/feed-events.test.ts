import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { createSubscriptions } from '@kandle/market/feed/subscriptions';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, expect, test, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { createBufferBound } from '../lane/buffer-bound.ts';
import { createMetrics } from '../metrics.ts';
import { createFeedEvents } from './feed-events.ts';
import { createFeedTime } from './feed-time.ts';
import { createGaps } from './gaps.ts';
import { createMoments } from './moments.ts';
import { createPriceOnlySymbols } from './price-only.ts';
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
async function startLine({ autoPong = true, dropsRepeats = false } = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong });
  /** How far the clocks are from those of this machine. */
  const shift = { monotonicMs: 0, wallMs: 0 };
  const monotonicMs = (): number => performance.now() + shift.monotonicMs;
  const wallMs = (): number => Date.now() + shift.wallMs;
  const sockets: WebSocket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  await once(server, 'listening');
  const shards = createShardMap({
    feed: 'finnhub',
    format: FINNHUB,
    shardCount: 12,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  const metrics = createMetrics();
  const log = createLogger('test', 'silent');
  const bound = createBufferBound(
    { maxRecords: 100_000, maxBytes: 1e9, canWait: false },
    { outbox, metrics, log, hold: () => undefined, release: () => undefined },
  );
  const rejects = createRejectQueue('finnhub', 1);
  const symbols = ['AAPL', 'BINANCE:BTCUSDT'];
  const booksAndNews = createBooksAndNewsQueue(shards, 1);
  const subscriptions = createSubscriptions(symbols);
  const feedTime = createFeedTime(undefined, monotonicMs);
  const moments = createMoments({ feedMs: feedTime.nowMs, wallMs }, 5_000);
  const events = createFeedEvents({
    isReplay: false,
    subscriptions,
    samples: null,
    priceOnly: createPriceOnlySymbols(),
    shards,
    dropsRepeats,
    state: { connection: 0, isConnected: false, hasEnded: false, aliveMs: 0, dataMs: 0, away: null },
    metrics,
    feedTime,
    gaps: createGaps(shards, moments, { symbols, disorderMs: DISORDER_MS, isReplay: false }),
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
    monotonicMs,
    wallMs,
    lanes: { trades: asleep, rejects: asleep, booksAndNews: asleep },
    log,
  });
  const feed = createFinnhubFeed(
    {
      url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
      token: () => 'key',
      symbols,
      subscriptions: [],
      maxFrameBytes: 100_000,
      hasStoodStill: moments.hasStoodStill,
      mayBeSilent: () => false,
      muteMs: 300_000,
      isDataExpected: () => false,
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
  const takeAll = (): readonly MarketEvent[] => outbox.take(DEPARTURE, true)?.events ?? [];
  /** What is not about the beginning, which most tests are not about. */
  const take = () => takeAll().filter(({ data }) => Object(data)['reason'] !== 'started');
  return { sockets, metrics, rejects, booksAndNews, take, takeAll, shift, events, subscriptions, log };
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
  expect(metrics).toMatchObject({ accepted: 5, duplicates: 3 });
  const events = take();
  const [before, gap, after] = events;
  expect(recordsOf(before)).toHaveLength(3);
  expect(gap).toMatchObject({
    type: 'io.kandle.feed.gap.v1',
    data: { reason: 'disconnected', fromMs: expect.any(Number) },
  });
  // From where the feed was when the line was last alive, less the disorder: some of it may have been under
  // way.
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
    frame(
      5,
      trade('no\u0007pe', 0),
      { ...trade('AAPL', 0), t: 5 },
      trade('AAPL', 3_600_000),
      trade('AAPL', 0),
    ),
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
    JSON.stringify({ type: 'book', data: [book('AAPL', 0), book('no\u0007pe', 0), book('AAPL', 9)] }),
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

/** The gaps among events. */
const gapsOf = (events: readonly MarketEvent[]) =>
  events.filter(({ type }) => type === 'io.kandle.feed.gap.v1').map(({ data }) => Object(data));

test('a machine that slept tells the whole gap, when what lay in its buffer comes before the line breaks', async () => {
  // Nobody answers the question whether the line has outlasted it.
  const { sockets, metrics, take, shift } = await startLine({ autoPong: false });
  sockets[0]?.send(frame(trade('AAPL', 0)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(1));
  take();
  shift.monotonicMs += 4_000;
  shift.wallMs += 603_000;
  sockets[0]?.send(frame(trade('AAPL', 10)));
  await vi.waitFor(() => expect(metrics.records).toBe(2));
  sockets[0]?.terminate();
  const gaps: Record<string, unknown>[] = [];
  await vi.waitFor(() => expect(gaps.push(...gapsOf(take()))).toBeGreaterThan(0));
  const gap = Object(gaps[0]);
  expect(gap.reason).toBe('suspended');
  expect(gap.fromMs).toBeLessThanOrEqual(START_MS + 10);
  expect(gap.toMs).toBeGreaterThanOrEqual(START_MS + 603_000);
  // The candle at wake-up is partial, and touched by the gap.
  expect(gap.toMs).toBeLessThan(START_MS + 603_000 + 30_000);
});

test('a machine that slept tells no gap, when its line has outlasted that', async () => {
  const { sockets, metrics, take, shift } = await startLine();
  sockets[0]?.send(frame(trade('AAPL', 0)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(1));
  take();
  shift.wallMs += 20_000;
  sockets[0]?.send(frame(trade('AAPL', 20_000)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(2));
  await new Promise((resolve) => setTimeout(resolve, 300));
  sockets[0]?.terminate();
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  await vi.waitFor(() => expect(gapsOf(take())).toMatchObject([{ reason: 'disconnected' }]));
});

test('the first window of a shard that was never seen is partial, and told', async () => {
  const { metrics, takeAll } = await startLine();
  await vi.waitFor(() => expect(metrics.gaps).toBe(2));
  for (const gap of gapsOf(takeAll())) {
    expect(gap.reason).toBe('started');
    expect(gap.fromMs % 5_000).toBe(0);
    expect(gap.toMs - gap.fromMs).toBeLessThan(5_000);
    expect(Math.abs(gap.toMs - Date.now())).toBeLessThan(5_000);
  }
});

test('goes on after a frame that is too long, with a gap over the times in it', async () => {
  const { sockets, metrics, rejects, take } = await startLine();
  sockets[0]?.send(frame(trade('AAPL', 0)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(1));
  take();
  const many = Array.from({ length: 3_000 }, (_, n) => trade('AAPL', 100 + n));
  sockets[0]?.send(frame(...many));
  sockets[0]?.send(frame(trade('AAPL', 4_000)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(2));
  expect(sockets).toHaveLength(1);
  expect(metrics).toMatchObject({ refusedFrames: 1, rejected: 1, records: 2 });
  expect(rejects.size()).toBe(1);
  const gaps = gapsOf(take());
  expect(gaps).toHaveLength(2);
  for (const gap of gaps) {
    expect(gap).toMatchObject({
      reason: 'frame_refused',
      fromMs: START_MS + 100,
      toMs: START_MS + 3_099,
    });
  }
});

test.each([true, false])(
  'whole frames that come again back to back are counted, and dropped if that is asked: %s',
  async (dropsRepeats) => {
    const { sockets, metrics } = await startLine({ dropsRepeats });
    for (const text of [frame(trade('AAPL', 0)), frame(trade('AAPL', 1)), frame(trade('AAPL', 0))]) {
      for (let copy = 0; copy < 3; copy++) sockets[0]?.send(text);
    }
    // A ping is the same every time, and no repeat; between two copies it hides nothing.
    sockets[0]?.send('{"type":"ping"}');
    sockets[0]?.send('{"type":"ping"}');
    sockets[0]?.send(frame(trade('AAPL', 0)));
    await vi.waitFor(() => expect(metrics.frames).toBe(12));
    expect(metrics).toMatchObject({ repeatedFrames: 7, pings: 2, records: dropsRepeats ? 3 : 10 });
  },
);

test('a symbol beyond the limit of the plan is named as refused, and the others go on', async () => {
  const { sockets, metrics, subscriptions, events, shift, log } = await startLine();
  const errors = vi.spyOn(log, 'error');
  for (let n = 0; n < 2; n++) sockets[0]?.send('{"msg":"Subscribing to too many symbols","type":"error"}');
  sockets[0]?.send(frame(trade('BINANCE:BTCUSDT', 0)));
  await vi.waitFor(() => expect(metrics.accepted).toBe(1));
  expect(subscriptions.subscribed()).toEqual(['BINANCE:BTCUSDT']);
  expect(subscriptions.refused()).toEqual([{ symbol: 'AAPL', reason: 'Subscribing to too many symbols' }]);
  events.onTick();
  shift.monotonicMs += 2_000;
  events.onTick();
  events.onTick();
  expect(errors.mock.calls.map(([text]) => String(text))).toEqual([
    'the feed says: Subscribing to too many symbols',
    'The feed refuses 1 symbols: AAPL. The others go on',
  ]);
  // Whoever connects again asks for everything again.
  sockets[0]?.terminate();
  await vi.waitFor(() => expect(sockets).toHaveLength(2));
  await vi.waitFor(() => expect(subscriptions.subscribed()).toEqual(['AAPL', 'BINANCE:BTCUSDT']));
});
