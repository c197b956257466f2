import { expect, test } from 'vitest';
import { createRejectQueue } from './reject-queue.ts';

const departureAt = (monotonicMs: number) => ({ epoch: 7, monotonicMs, wallMs: 0, traceparent: () => 'tp' });
const reject = (record: unknown) => ({ reason: 'bad_frame' as const, detail: 'not JSON', record });

test('take() gives rejects in order, when the first has waited long enough', () => {
  const queue = createRejectQueue('finnhub', 200);
  expect(queue.readyAtMs()).toBeUndefined();
  queue.add(reject('first'), 1_000);
  queue.add(reject('second'), 1_100);
  expect(queue.readyAtMs()).toBe(1_200);
  expect(queue.take(departureAt(1_199), false)).toBeNull();
  expect(queue.take(departureAt(1_200), false)?.events).toMatchObject([
    {
      id: '7:ingest:1:rejects',
      source: '/feeds/finnhub',
      type: 'io.kandle.rejects.v1',
      data: {
        rejects: [
          { id: '7:ingest:1', reason: 'bad_frame', detail: 'not JSON', record: 'first' },
          { id: '7:ingest:2', record: 'second' },
        ],
      },
    },
  ]);
  expect(queue.size()).toBe(0);
  queue.add(reject('third'), 5_000);
  expect(queue.take(departureAt(5_000), false)).toBeNull();
  expect(queue.take(departureAt(5_000), true)?.events).toMatchObject([{ id: '7:ingest:3:rejects' }]);
});

test('take() makes events of at most 40 rejects, which leave without another wait', () => {
  const queue = createRejectQueue('finnhub', 200);
  for (let n = 0; n < 41; n++) queue.add(reject(n), 0);
  expect(queue.take(departureAt(200), false)?.events).toMatchObject([{ id: '7:ingest:1:rejects' }]);
  expect(queue.size()).toBe(1);
  expect(queue.take(departureAt(200), false)?.events).toMatchObject([{ id: '7:ingest:41:rejects' }]);
  expect(queue.take(departureAt(200), true)).toBeNull();
});

test('is bounded', () => {
  const queue = createRejectQueue('finnhub', 200);
  const kept = Array.from({ length: 1_001 }, () => queue.add(reject(''), 0));
  expect(kept.filter((isKept) => !isKept)).toHaveLength(1);
  expect(queue.size()).toBe(1_000);
});
