import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTimeOrder } from './time-order.ts';

interface Item {
  readonly partition: number;
  readonly offset: bigint;
  readonly timeMs: number;
}

/** Partitions with ascending times, few distinct ones, and in which portions they come. */
const topics = fc
  .array(fc.array(fc.nat(6), { maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .map((lengths) =>
    lengths.map((steps, partition) => {
      let timeMs = 0;
      return steps.map((step, offset): Item => {
        timeMs += step;
        return { partition, offset: BigInt(offset), timeMs };
      });
    }),
  );

test('createTimeOrder() is the sorted whole, however the partitions come in', () => {
  fc.assert(
    fc.property(
      topics,
      fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 5 })), { maxLength: 40 }),
      (topic, portions) => {
        const order = createTimeOrder<Item>();
        for (const [partition, items] of topic.entries()) order.begin(partition, 0n, BigInt(items.length));
        const left = topic.map((items) => [...items]);
        const taken: Item[] = [];
        const takeAll = (): void => {
          for (let next = order.take(true); next !== null; next = order.take(true)) {
            expect(next).toMatchObject({ partition: next.item.partition, offset: next.item.offset });
            taken.push(next.item);
          }
        };
        const rest = topic.map((_, partition) => [partition, 99] as const);
        for (const [at, size] of [...portions, ...rest]) {
          const partition = at % topic.length;
          for (const item of left[partition]?.splice(0, size) ?? [])
            order.push(partition, item.offset, item.timeMs, item);
          takeAll();
        }
        const all = topic.flat();
        expect(taken).toHaveLength(all.length);
        expect(taken.map(({ timeMs }) => timeMs)).toEqual(
          all.map(({ timeMs }) => timeMs).toSorted((a, b) => a - b),
        );
        for (const [partition, items] of topic.entries())
          expect(taken.filter((item) => item.partition === partition)).toEqual(items);
        expect(order.waiting()).toBe(0);
      },
    ),
  );
});

test('createTimeOrder() waits for no partition that has nothing more, nor for any when it may not', () => {
  const order = createTimeOrder<string>();
  order.begin(0, 0n, 2n);
  order.begin(1, 0n, 1n);
  order.begin(2, 7n, 7n);
  order.push(0, 0n, 5, 'a');
  expect(order.take(true)).toBeNull();
  expect([order.waiting(0), order.waiting(1), order.waiting(9), order.waiting()]).toEqual([1, 0, 0, 1]);
  expect([order.next(0), order.next(2), order.next(9)]).toEqual([1n, 7n, null]);
  expect(order.take(false)?.item).toBe('a');
  order.push(1, 0n, 9, 'b');
  // Partition 0 is known to have one more.
  expect(order.take(true)).toBeNull();
  order.push(0, 1n, 7, 'c');
  expect([order.take(true)?.item, order.take(true)?.item, order.take(true)]).toEqual(['c', 'b', null]);
  // Live: what comes is taken at once, though the other partition is empty.
  order.push(0, 2n, 20, 'd');
  order.setEnd(0, 3n);
  order.setEnd(0, 1n);
  expect(order.take(true)?.item).toBe('d');
  order.setEnd(9, 1n);
  expect(() => order.push(9, 0n, 1, 'e')).toThrow(RangeError);
  expect(order.take(false)).toBeNull();
});

test('createTimeOrder() holds nothing of what was taken, when it is many', () => {
  const order = createTimeOrder<number>();
  order.begin(0, 0n, 0n);
  for (let n = 0; n < 5_000; n++) order.push(0, BigInt(n), n, n);
  for (let n = 0; n < 4_990; n++) expect(order.take(true)?.item).toBe(n);
  for (let n = 5_000; n < 5_010; n++) order.push(0, BigInt(n), n, n);
  for (let n = 4_990; n < 5_010; n++) expect(order.take(true)?.item).toBe(n);
  expect(order.waiting()).toBe(0);
});
