import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { RetryableError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBooksAndNewsQueue } from './books-and-news-queue.ts';
import { createOutbox } from './outbox.ts';
import { createLane } from './lane.ts';
import { createShardMap } from '../shard-map.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A lane of one shard to a broker that does what the test says. */
function createTradesLane() {
  const shards = createShardMap({
    feed: 'finnhub',
    format: FINNHUB,
    shardCount: 1,
    maxTrades: 3,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  const tries: (readonly MarketEvent[])[] = [];
  const broker = { isAway: false, atOnce: 0, mostAtOnce: 0, hangs: false };
  let sentRecords = 0;
  let retries = 0;
  const lane = createLane({
    what: 'trades',
    source: outbox,
    retry: { firstMs: 200, maxMs: 5_000 },
    close: async () => undefined,
    async produce(events) {
      tries.push(events);
      broker.atOnce += 1;
      broker.mostAtOnce = Math.max(broker.mostAtOnce, broker.atOnce);
      if (broker.hangs) await new Promise(() => undefined);
      await Promise.resolve();
      broker.atOnce -= 1;
      if (broker.isAway) throw new RetryableError('Cannot produce');
    },
    departure: () => ({
      epoch: 7,
      monotonicMs: performance.now(),
      wallMs: Date.now(),
      traceparent: () => 'tp',
    }),
    onSent(group) {
      sentRecords += group.records;
    },
    onRetry() {
      retries += 1;
    },
    log: createLogger('test', 'silent'),
  });
  let count = 0;
  function add(records = 1): void {
    for (let n = 0; n < records; n++) {
      count += 1;
      shards
        .shardOf('AAPL')
        .buffer.append(
          { id: String(count), record: {} },
          { bytes: 10, eventTimeMs: 1, monotonicMs: performance.now(), watermarkMs: 1 },
        );
    }
    lane.wake();
  }
  return { lane, broker, tries, add, sent: () => sentRecords, retries: () => retries };
}

const sequencesOf = (events: readonly MarketEvent[]) =>
  events.map(({ extensions }) => Number(extensions['sequence']));

test('sends a full batch at once, and a started one after lingering', async () => {
  const { tries, add } = createTradesLane();
  add(4);
  await vi.advanceTimersByTimeAsync(0);
  expect(tries.map(sequencesOf)).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(49);
  expect(tries).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(tries.map(sequencesOf)).toEqual([[1], [2]]);
});

test('sends the very same events again until the broker is back, and later ones after them', async () => {
  const { broker, tries, add, sent, lane, retries } = createTradesLane();
  broker.isAway = true;
  add(3);
  await vi.advanceTimersByTimeAsync(10_000);
  add(7);
  await vi.advanceTimersByTimeAsync(10_000);
  const failed = tries.length;
  expect(failed).toBeGreaterThan(3);
  expect(retries()).toBe(failed);
  for (const events of tries) expect(events).toBe(tries[0]);
  expect(lane.isIdle()).toBe(false);
  expect(sent()).toBe(0);
  broker.isAway = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tries.slice(failed).map(sequencesOf)).toEqual([[1], [2, 3, 4]]);
  expect(sent()).toBe(10);
  expect(broker.mostAtOnce).toBe(1);
  expect(lane.isIdle()).toBe(true);
});

test('flush() sends what has not lingered yet', async () => {
  const { lane, add, sent } = createTradesLane();
  add(4);
  expect(await lane.flush(1_000)).toBe(true);
  expect(sent()).toBe(4);
});

test.each(['isAway', 'hangs'] as const)(
  'flush() gives up at its deadline, when the broker %s',
  async (fault) => {
    const { lane, broker, add } = createTradesLane();
    broker[fault] = true;
    add(4);
    const flushed = lane.flush(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await flushed).toBe(false);
  },
);

/** A lane of books, which gather and leave one event at a time. */
function createBooksLane(gatherMs: number) {
  const sent: MarketEvent[] = [];
  const faults: Error[] = [];
  const shards = {
    feed: 'sim',
    format: FINNHUB,
    shardCount: 1,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  };
  const queue = createBooksAndNewsQueue(createShardMap(shards), gatherMs);
  const lane = createLane({
    what: 'books',
    source: queue,
    async produce(events) {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      sent.push(...events);
    },
    close: async () => undefined,
    departure: () => ({
      epoch: 7,
      monotonicMs: performance.now(),
      wallMs: Date.now(),
      traceparent: () => 'tp',
    }),
    retry: { firstMs: 500, maxMs: 10_000 },
    log: createLogger('test', 'silent'),
  });
  const offer = (t: number): void => {
    queue.offer('books', { s: 'A', t }, performance.now());
    lane.wake();
  };
  const times = () => sent.map(({ data }) => Object(data)['records'][0].record.t as number);
  return { lane, queue, offer, times, sent, faults };
}

test('sends the newest book of a moment, and again what comes later', async () => {
  const { lane, offer, times } = createBooksLane(30);
  for (const t of [1, 2, 3]) offer(t);
  await vi.advanceTimersByTimeAsync(29);
  expect(times()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(times()).toEqual([3]);
  offer(4);
  await vi.advanceTimersByTimeAsync(29);
  expect(times()).toEqual([3]);
  await vi.advanceTimersByTimeAsync(2);
  expect(times()).toEqual([3, 4]);
  expect(lane.isIdle()).toBe(true);
});

test('sends the same event again, when the broker does not acknowledge', async () => {
  const { lane, offer, sent, faults } = createBooksLane(1);
  faults.push(new Error('away'));
  offer(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent.map(({ id }) => id)).toEqual(['7:sim-00:books:1']);
  expect(await lane.flush(1_000)).toBe(true);
});

test('flush() does not wait for what still gathers, and says so when it could not send', async () => {
  const patient = createBooksLane(60_000);
  patient.offer(1);
  expect(await patient.lane.flush(5_000)).toBe(true);
  expect(patient.times()).toEqual([1]);
  const stuck = createBooksLane(1);
  stuck.faults.push(...Array.from({ length: 100 }, () => new Error('away')));
  stuck.offer(1);
  const flushed = stuck.lane.flush(50);
  await vi.advanceTimersByTimeAsync(51);
  expect(await flushed).toBe(false);
});
