import type { MarketEvent } from '@kandle/market/event/market-event';
import { createLogger } from '@kandle/runtime/log';
import { expect, test, vi } from 'vitest';
import { createBooksAndNewsQueue } from './books-and-news-queue.ts';
import { createBackgroundSender } from './background-sender.ts';
import { createRejectQueue } from './reject-queue.ts';
import { createShardMap } from './shard-map.ts';

function createSender(everyMs: number) {
  const sent: MarketEvent[] = [];
  const faults: Error[] = [];
  const queue = createBooksAndNewsQueue(
    createShardMap({ feed: 'sim', shardCount: 1, maxTrades: 400, maxBatchBytes: 65_536, graceMs: 2_000 }),
  );
  const sender = createBackgroundSender({
    what: 'books',
    take: () => queue.take({ epoch: 7, nowMs: 0, wallMs: 0, traceparent: () => 'tp' }),
    isEmpty: () => queue.size() === 0,
    async produce([event]) {
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      if (event !== undefined) sent.push(event);
    },
    everyMs,
    log: createLogger('test', 'silent'),
  });
  const offer = (t: number): void => {
    queue.offer('books', { s: 'A', t });
    sender.wake();
  };
  const times = () => sent.map(({ data }) => Object(data)['records'][0].record.t as number);
  return { sender, offer, times, sent, faults };
}

test('wake() sends the newest book of a moment, and again what comes later', async () => {
  const { sender, offer, times } = createSender(30);
  for (const t of [1, 2, 3]) offer(t);
  await vi.waitFor(() => expect(times()).toEqual([3]));
  offer(4);
  await vi.waitFor(() => expect(times()).toEqual([3, 4]));
  await vi.waitFor(() => expect(sender.isBusy()).toBe(false));
});

test('wake() sends the same event again, when the broker does not acknowledge', async () => {
  const { sender, offer, sent, faults } = createSender(1);
  faults.push(new Error('away'));
  offer(1);
  await vi.waitFor(() => expect(sent).toHaveLength(1), 5_000);
  expect(sent[0]?.id).toBe('7:sim-00:books:1');
  expect(await sender.flush(1_000)).toBe(true);
});

test('flush() sends what waits at once, and says so when it could not', async () => {
  const patient = createSender(60_000);
  patient.offer(1);
  expect(await patient.sender.flush(5_000)).toBe(true);
  expect(patient.times()).toEqual([1]);
  const stuck = createSender(1);
  stuck.faults.push(...Array.from({ length: 100 }, () => new Error('away')));
  stuck.offer(1);
  expect(await stuck.sender.flush(50)).toBe(false);
});

test('flush() leaves in their queue what it could not send', async () => {
  const rejects = createRejectQueue('sim', () => 7);
  for (let n = 0; n < 41; n++) rejects.add('bad_frame', '', n);
  const sender = createBackgroundSender({
    what: 'rejects',
    take: () => rejects.take(),
    isEmpty: () => rejects.size() === 0,
    produce: async () => {
      throw new Error('away');
    },
    everyMs: 1,
    log: createLogger('test', 'silent'),
  });
  expect(await sender.flush(20)).toBe(false);
  await vi.waitFor(() => expect(sender.isBusy()).toBe(false));
  expect(rejects.size()).toBe(41);
});
