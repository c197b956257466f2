import { expect, test } from 'vitest';
import { createRejectQueue } from './reject-queue.ts';

test('take() gives rejects in order, and keeps those of an event until the next is asked for', () => {
  const queue = createRejectQueue('finnhub', () => 7);
  expect([...queue.take()]).toEqual([]);
  queue.add('bad_frame', 'not JSON', 'text');
  const events = queue.take()[Symbol.iterator]();
  expect(events.next().value).toMatchObject({
    id: '7:ingest:1:rejects',
    source: '/feeds/finnhub',
    type: 'io.kandle.rejects.v1',
    data: { rejects: [{ id: '7:ingest:1', reason: 'bad_frame', detail: 'not JSON', record: 'text' }] },
  });
  queue.add('bad_time', 't', {});
  expect(queue.size()).toBe(2);
  expect(events.next().value).toMatchObject({ id: '7:ingest:2:rejects' });
  expect(queue.size()).toBe(1);
  expect(events.next().done).toBe(true);
  expect(queue.size()).toBe(0);
});

test('is bounded', () => {
  const queue = createRejectQueue('finnhub', () => 7);
  const kept = Array.from({ length: 1_001 }, () => queue.add('bad_frame', '', ''));
  expect(kept.filter((isKept) => !isKept)).toHaveLength(1);
  expect(queue.size()).toBe(1_000);
});
