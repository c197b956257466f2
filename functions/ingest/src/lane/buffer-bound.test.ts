import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import { createLogger } from '@kandle/runtime/log';
import { expect, test, vi } from 'vitest';
import { createBufferBound } from './buffer-bound.ts';
import { createMetrics } from '../metrics.ts';
import { createOutbox } from './outbox.ts';
import { createShardMap } from '../shard-map.ts';

function createBounded(canWait: boolean) {
  const shards = createShardMap({
    feed: 'finnhub',
    format: FINNHUB,
    shardCount: 1,
    maxTrades: 2,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  const metrics = createMetrics();
  const log = createLogger('test', 'silent');
  const warn = vi.spyOn(log, 'warn');
  const hold = vi.fn();
  const release = vi.fn();
  const bound = createBufferBound(
    { maxRecords: 6, maxBytes: 1_000, canWait },
    { outbox, metrics, log, hold, release },
  );
  function add(count: number, bytes = 10): void {
    for (let n = 0; n < count; n++) {
      shards
        .shardOf('AAPL')
        .buffer.append({ id: 'x', record: {} }, { bytes, eventTimeMs: 5, monotonicMs: 0, watermarkMs: 1 });
      bound.grow(bytes);
    }
    bound.enforce();
  }
  const departure = { epoch: 1, monotonicMs: 0, wallMs: 0, traceparent: () => '' };
  return { bound, metrics, warn, hold, release, add, take: () => outbox.take(departure, true) };
}

test('a live feed drops the oldest batches beyond the bound, counts them and warns once an episode', () => {
  const { bound, metrics, warn, add, take } = createBounded(false);
  add(6);
  expect(metrics.dropped).toBe(0);
  add(1);
  add(4);
  expect([metrics.dropped, bound.records()]).toEqual([6, 5]);
  expect(warn).toHaveBeenCalledTimes(1);
  const group = take();
  expect(group?.events[0]?.data).toMatchObject({
    reason: 'buffer_overflow',
    droppedRecords: 6,
    fromMs: 5,
    toMs: 5,
  });
  expect(group?.events[0]?.extensions['sequence']).toBeUndefined();
  expect(group?.events[1]?.extensions['sequence']).toBe('1');
  if (group !== null) bound.shrink(group);
  expect(bound.records()).toBe(0);
  add(7);
  expect(warn).toHaveBeenCalledTimes(2);
});

test('a live feed is bounded in bytes too', () => {
  const { bound, metrics, add } = createBounded(false);
  add(5, 300);
  expect([metrics.dropped, bound.records()]).toEqual([2, 3]);
});

test('what is under way is not dropped', () => {
  const { bound, metrics, add, take } = createBounded(false);
  add(6);
  take();
  add(2);
  expect([metrics.dropped, bound.records()]).toEqual([2, 6]);
});

test('a replay is held back at the bound, released at half, and loses nothing', () => {
  const { bound, metrics, hold, release, add, take } = createBounded(true);
  add(5);
  expect(hold).not.toHaveBeenCalled();
  add(3);
  add(1);
  expect(hold).toHaveBeenCalledTimes(1);
  expect(bound.isHeld()).toBe(true);
  const group = take();
  expect(group?.records).toBe(9);
  if (group !== null) bound.shrink({ ...group, records: 4, bytes: 40 });
  expect(release).not.toHaveBeenCalled();
  if (group !== null) bound.shrink({ ...group, records: 2, bytes: 20 });
  expect(release).toHaveBeenCalledTimes(1);
  expect(metrics.dropped).toBe(0);
});
