import { join } from 'node:path';
import { inspect } from 'node:util';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { e8, notionalOf } from '@kandle/market/number/fixed-point';
import { compareOrders, type NewestAndRecords, type Order } from '@kandle/market/sink/newest';
import { RetryableError } from '@kandle/runtime/errors';
import { NO_COUNTER } from '@kandle/runtime/metrics';
import { freePort } from '@kandle/servers/ports/ports';
import { startFunction } from '@kandle/testkit/function-process';
import { receivedEvent } from '@kandle/testkit/received-event';
import { readRedis } from '@kandle/testkit/sink/redis-contents';
import { NO_REDIS, type RedisServer, startRedis } from '@kandle/testkit/sink/redis-server';
import { describeSink } from '@kandle/testkit/sink/sink-contract';
import { makeSinkRun } from '@kandle/testkit/sink/sink-events';
import { createClient } from '@redis/client';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSinkRedis } from '../src/handler.ts';
import { createRedisStore, type RedisSettings, type RedisStore } from '../src/redis-store.ts';

const LOG = { warn: () => undefined };

describe.skipIf(NO_REDIS !== null)(`Redis${NO_REDIS ?? ''}`, () => {
  let server: RedisServer;
  let store: RedisStore;
  let client: ReturnType<typeof createClient>;
  const stores: RedisStore[] = [];
  const settings = (changes: Partial<RedisSettings> = {}): RedisSettings => ({
    url: server.url,
    username: undefined,
    password: undefined,
    ca: undefined,
    keyPrefix: 'kandle',
    maxRecords: 10_000,
    answerMs: 2_000,
    ...changes,
  });
  function open(changes: Partial<RedisSettings> = {}): RedisStore {
    const opened = createRedisStore(settings(changes), LOG);
    stores.push(opened);
    return opened;
  }
  const sink = (to: RedisStore) => createSinkRedis({ store: to, values: NO_COUNTER, records: NO_COUNTER });

  beforeAll(async () => {
    server = await startRedis(await freePort());
    store = open();
    client = createClient({ url: server.url });
    client.on('error', () => undefined);
    await client.connect();
  });
  afterAll(async () => {
    client.destroy();
    await Promise.all(stores.map((one) => one.close()));
    await server.remove();
  });

  describeSink('redis', () => ({
    handle: sink(store),
    server,
    startProcess: async () =>
      startFunction(join(import.meta.dirname, '../src/index.ts'), await freePort(), {
        REDIS_URL: server.url,
      }),
    read: (feed) => readRedis(server, feed),
  }));

  /** An event of one value and no record. */
  const valueOf = (feed: string, order: Order): NewestAndRecords => ({
    feed,
    stream: 'candles',
    newest: [{ kind: 'candle', symbol: 'A', order, fields: { said: order.join('/') } }],
    records: [],
  });

  test('an older order never overwrites a newer one, in any order of 1 to 5 deliveries, several at once', async () => {
    // Numbers whose texts sort otherwise, and the largest that there are.
    const number = fc.constantFrom(0, 1, 2, 9, 10, 99, 100, 1_764_000_000_000, Number.MAX_SAFE_INTEGER);
    const orders = fc.array(fc.tuple(number, number, number), { minLength: 1, maxLength: 6 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(orders, fc.infiniteStream(fc.nat()), async (made, random) => {
        const feed = `orders${run++}`;
        const next = (): number => random.next().value ?? 0;
        const deliveries = made
          .flatMap((order) => Array.from({ length: 1 + (next() % 5) }, () => ({ order, place: next() })))
          .toSorted((a, b) => a.place - b.place);
        await Promise.all(deliveries.map(({ order }) => store.take(valueOf(feed, order))));
        const newest = made.reduce((a, b) => (compareOrders(b, a) > 0 ? b : a));
        expect({ ...(await client.hGetAll(`kandle:{${feed}}:candle:A`)) }).toEqual({
          order: newest.join(':'),
          said: newest.join('/'),
        });
      }),
      { numRuns: 200 },
    );
  });

  const recordsOf = (feed: string, ids: readonly number[]): NewestAndRecords => ({
    feed,
    stream: 'trades',
    newest: [],
    records: ids.map((id) => ({ id: String(id), fields: { id: String(id) } })),
  });
  const idsIn = async (key: string): Promise<readonly number[]> =>
    ((await client.xRange(key, '-', '+')) ?? []).map(({ message }) => Number(message['id']));

  test('a stream without a group keeps the last records, and no more than its bound', async () => {
    const bounded = open({ maxRecords: 5 });
    expect(await bounded.take(recordsOf('bounded', [1, 2, 3]))).toEqual({ newer: 0, added: 3, dropped: 0 });
    expect(await bounded.take(recordsOf('bounded', [3, 4, 5, 6, 7]))).toEqual({
      newer: 0,
      added: 4,
      dropped: 0,
    });
    expect(await idsIn('kandle:{bounded}:stream:trades')).toEqual([3, 4, 5, 6, 7]);
    expect(await client.zCard('kandle:{bounded}:seen:trades')).toBe(5);
  });

  test('a stream is trimmed by its slowest group, and what that loses by the bound is counted', async () => {
    const key = 'kandle:{groups}:stream:trades';
    const bounded = open({ maxRecords: 6 });
    await bounded.take(recordsOf('groups', [1, 2]));
    for (const group of ['fast', 'slow']) await client.xGroupCreate(key, group, '0');
    const pop = async (group: string, count: number): Promise<readonly string[]> => {
      const from = [{ key, id: '>' }];
      const answer: unknown = await client.xReadGroup(group, 'reader', from, { COUNT: count });
      const [stream] = (answer ?? []) as readonly { readonly messages: readonly { readonly id: string }[] }[];
      return stream?.messages.map(({ id }) => id) ?? [];
    };
    await client.xAck(key, 'fast', [...(await pop('fast', 10))]);
    await bounded.take(recordsOf('groups', [3, 4]));
    // The slow group has read nothing: nothing goes.
    expect(await idsIn(key)).toEqual([1, 2, 3, 4]);
    const [first, second, ...pending] = await pop('slow', 3);
    await client.xAck(key, 'slow', [first ?? '', second ?? '']);
    expect(pending).toHaveLength(1);
    await client.xAck(key, 'fast', [...(await pop('fast', 10))]);
    await bounded.take(recordsOf('groups', [5]));
    // Read and not acknowledged, 3 may come again.
    expect(await idsIn(key)).toEqual([3, 4, 5]);
    expect(await bounded.take(recordsOf('groups', [6, 7, 8, 9, 10]))).toMatchObject({ added: 5, dropped: 2 });
    expect(await idsIn(key)).toEqual([5, 6, 7, 8, 9, 10]);
  });

  test('full memory is answered with what can be tried again, and nothing of the event is written', async () => {
    const feed = 'full';
    const { events, contents } = makeSinkRun(feed, 9);
    await server.setMaxMemory(1_048_576);
    try {
      const [event] = events;
      if (event === undefined) throw new Error('no event');
      const failing = sink(store)(receivedEvent(event));
      await expect(failing).rejects.toThrow(RetryableError);
      await expect(failing).rejects.toThrow(/OOM/);
      expect(await client.keys('kandle:{full}:*')).toEqual([]);
    } finally {
      await server.setMaxMemory(0);
    }
    for (const event of events) await sink(store)(receivedEvent(event));
    expect(await readRedis(server, feed)).toEqual(contents);
  });

  test('a mute Redis is left in time, and a new connection goes on', async () => {
    const patient = open({ answerMs: 500 });
    await patient.take(valueOf('mute', [1]));
    server.pause();
    try {
      const startedMs = performance.now();
      await Promise.all(
        [2, 3, 4].map((order) =>
          expect(patient.take(valueOf('mute', [order]))).rejects.toThrow(RetryableError),
        ),
      );
      expect(performance.now() - startedMs).toBeLessThan(5_000);
    } finally {
      server.resume();
    }
    await expect
      .poll(() => patient.take(valueOf('mute', [5])).catch(() => null), { timeout: 10_000 })
      .not.toBeNull();
    expect(await client.hGet('kandle:{mute}:candle:A', 'said')).toBe('5');
  });

  test('a login that Redis refuses is tried again and told without its password, and goes on when it is mended', async () => {
    await client.configSet('requirepass', 'another');
    const told: unknown[] = [];
    const log = { warn: (...said: unknown[]) => void told.push(...said) };
    const stranger = createRedisStore(settings({ password: 'open-sesame', answerMs: 500 }), log);
    stores.push(stranger);
    try {
      const value = valueOf('login', [1]);
      const failing = stranger.take(value);
      await expect(failing).rejects.toThrow(RetryableError);
      told.push(inspect(await failing.catch((error: unknown) => error), { depth: 10 }));
      expect(told.join('\n')).toMatch(/WRONGPASS/);
      expect(told.join('\n')).not.toMatch(/sesame/);
      await client.configSet('requirepass', 'open-sesame');
      await expect
        .poll(() => stranger.take(value).catch(() => null), { timeout: 10_000 })
        .toMatchObject({ newer: 1 });
    } finally {
      await client.configSet('requirepass', '');
    }
  });

  test('a Redis that lost everything is filled by what comes, and its readers find the newest again', async () => {
    const { events } = makeSinkRun('lost', 10);
    for (const event of events) await sink(store)(receivedEvent(event));
    await client.flushAll();
    const candle = {
      symbol: 'AAPL',
      version: 1,
      state: 'provisional',
      revision: 0,
      reason: null,
      complete: true,
      lastTradeMs: 1,
    } as const;
    const one = e8(100_000_000n);
    const prices = { openE8: one, highE8: one, lowE8: one, closeE8: one };
    const sums = { volumeE8: one, notionalE16: notionalOf(one, one), priceSumE8: one, tradeCount: 1 };
    const header = { shard: 'lost-00', windowStartMs: 1_764_000_060_000, windowMs: 5_000 };
    const [event] = formatCandleBatch({
      ...header,
      kind: 'provisional',
      version: 1,
      candles: [{ ...candle, ...prices, ...sums }],
    });
    if (event === undefined) throw new Error('no event');
    await sink(store)(receivedEvent(event));
    expect(await client.hGet('kandle:{lost}:candle:AAPL', 'close')).toBe('1');
  });
});
