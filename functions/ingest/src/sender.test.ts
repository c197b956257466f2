import type { MarketEvent } from '@kandle/market/event/market-event';
import { RetryableError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOutbox } from './outbox.ts';
import { createSender } from './sender.ts';
import { createShardMap } from './shard-map.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A sender of one shard to a broker that does what the test says. */
function createSending() {
  const shards = createShardMap({
    feed: 'finnhub',
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
  const sender = createSender({
    outbox,
    async produce(events) {
      tries.push(events);
      broker.atOnce += 1;
      broker.mostAtOnce = Math.max(broker.mostAtOnce, broker.atOnce);
      if (broker.hangs) await new Promise(() => undefined);
      await Promise.resolve();
      broker.atOnce -= 1;
      if (broker.isAway) throw new RetryableError('Cannot produce');
    },
    departure: () => ({ epoch: 7, nowMs: performance.now(), wallMs: Date.now(), traceparent: () => 'tp' }),
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
        .lineOf('AAPL')
        .buffer.append(
          { id: String(count), record: {} },
          { bytes: 10, isTrade: true, eventTimeMs: 1, nowMs: performance.now(), watermarkMs: 1 },
        );
    }
    sender.wake();
  }
  return { sender, broker, tries, add, sent: () => sentRecords, retries: () => retries };
}

const sequencesOf = (events: readonly MarketEvent[]) =>
  events.map(({ extensions }) => Number(extensions['sequence']));

test('sends a full batch at once, and a started one after lingering', async () => {
  const { tries, add } = createSending();
  add(4);
  await vi.advanceTimersByTimeAsync(0);
  expect(tries.map(sequencesOf)).toEqual([[1]]);
  await vi.advanceTimersByTimeAsync(49);
  expect(tries).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(2);
  expect(tries.map(sequencesOf)).toEqual([[1], [2]]);
});

test('sends the very same events again until the broker is back, and later ones after them', async () => {
  const { broker, tries, add, sent, sender, retries } = createSending();
  broker.isAway = true;
  add(3);
  await vi.advanceTimersByTimeAsync(10_000);
  add(7);
  await vi.advanceTimersByTimeAsync(10_000);
  const failed = tries.length;
  expect(failed).toBeGreaterThan(3);
  expect(retries()).toBe(failed);
  for (const events of tries) expect(events).toBe(tries[0]);
  expect(sender.isBusy()).toBe(true);
  expect(sent()).toBe(0);
  broker.isAway = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(tries.slice(failed).map(sequencesOf)).toEqual([[1], [2, 3, 4]]);
  expect(sent()).toBe(10);
  expect(broker.mostAtOnce).toBe(1);
  expect(sender.isBusy()).toBe(false);
});

test('flush() sends what has not lingered yet', async () => {
  const { sender, add, sent } = createSending();
  add(4);
  expect(await sender.flush(1_000)).toBe(true);
  expect(sent()).toBe(4);
});

test.each(['isAway', 'hangs'] as const)(
  'flush() gives up at its deadline, when the broker %s',
  async (fault) => {
    const { sender, broker, add } = createSending();
    broker[fault] = true;
    add(4);
    const flushed = sender.flush(1_000);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(await flushed).toBe(false);
  },
);
