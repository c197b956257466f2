import type { KafkaMessage } from 'kafkajs';
import { expect, test } from 'vitest';
import { createPartitionQueue, type PartitionQueue } from './partition-queue.ts';

interface Handling {
  readonly offset: number;
  settle(done: boolean): Promise<void>;
}

function setUp(ordered: boolean): {
  queue: PartitionQueue;
  handled: Handling[];
  push(...offsets: number[]): void;
} {
  const handled: Handling[] = [];
  const queue = createPartitionQueue(ordered, (message) => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    handled.push({
      offset: Number(message.offset),
      async settle(done) {
        resolve(done);
        await new Promise((next) => setImmediate(next));
      },
    });
    return promise;
  });
  const push = (...offsets: number[]): void => {
    for (const offset of offsets) queue.push({ offset: String(offset) } as KafkaMessage);
  };
  return { queue, handled, push };
}

const offsets = (handled: readonly Handling[]): number[] => handled.map(({ offset }) => offset);

test('an ordered queue hands over one record at a time', async () => {
  const { queue, handled, push } = setUp(true);
  push(4, 5, 6);
  expect(offsets(handled)).toEqual([4]);
  expect([queue.pending(), queue.waiting(), queue.settled()]).toEqual([3, 2, 4n]);
  await handled[0]?.settle(true);
  expect(offsets(handled)).toEqual([4, 5]);
  expect(queue.settled()).toBe(5n);
});

test('an unordered queue hands over all, and is settled up to the first that is not', async () => {
  const { queue, handled, push } = setUp(false);
  push(0, 1, 2);
  expect(offsets(handled)).toEqual([0, 1, 2]);
  await handled[1]?.settle(true);
  await handled[2]?.settle(true);
  expect([queue.pending(), queue.settled()]).toEqual([1, 0n]);
  await handled[0]?.settle(true);
  expect(queue.settled()).toBe(3n);
});

test('a record that is handed over again after a rebalance is known', async () => {
  const { queue, handled, push } = setUp(true);
  push(0, 1);
  await handled[0]?.settle(true);
  push(0, 1, 2);
  await handled[1]?.settle(true);
  await handled[2]?.settle(true);
  expect(offsets(handled)).toEqual([0, 1, 2]);
  expect(queue.settled()).toBe(3n);
});

test('a queue that is told to stop hands over nothing more, and is settled no further', async () => {
  const { queue, handled, push } = setUp(true);
  push(0, 1, 2);
  await handled[0]?.settle(true);
  await handled[1]?.settle(false);
  await queue.idle();
  expect(offsets(handled)).toEqual([0, 1]);
  expect(queue.settled()).toBe(1n);
});

test('clear() forgets what waits, and what comes back is still one at a time', async () => {
  const { queue, handled, push } = setUp(true);
  push(5, 6, 7);
  queue.clear();
  expect([queue.pending(), queue.settled()]).toEqual([0, undefined]);
  push(3, 4);
  expect(offsets(handled)).toEqual([5]);
  await handled[0]?.settle(true);
  await handled[1]?.settle(true);
  expect(offsets(handled)).toEqual([5, 3, 4]);
  expect(queue.settled()).toBe(4n);
});
