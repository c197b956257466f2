import { expect, test } from 'vitest';
import { createRejectQueue } from './reject-queue.ts';

test('shows the same event until it is taken off, with ids that go on', () => {
  const queue = createRejectQueue('finnhub', () => 7);
  expect(queue.peek()).toBeNull();
  queue.add('bad_frame', 'not JSON', 'text');
  const shown = queue.peek();
  expect(shown).toMatchObject({
    id: '7:ingest:1:rejects',
    source: '/feeds/finnhub',
    type: 'io.kandle.rejects.v1',
    data: { rejects: [{ id: '7:ingest:1', reason: 'bad_frame', detail: 'not JSON', record: 'text' }] },
  });
  queue.add('bad_time', 't', {});
  expect(queue.peek()).toEqual(shown);
  queue.takeOff();
  expect(queue.peek()).toMatchObject({ id: '7:ingest:2:rejects' });
});

test('is bounded', () => {
  const queue = createRejectQueue('finnhub', () => 7);
  const kept = Array.from({ length: 1_001 }, () => queue.add('bad_frame', '', ''));
  expect(kept.filter((isKept) => !isKept)).toHaveLength(1);
  expect(queue.size()).toBe(1_000);
});
