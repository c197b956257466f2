import type { KafkaMessage } from 'kafkajs';
import { expect, test } from 'vitest';
import { createPollBuffer } from './poll-buffer.ts';

const records = (from: number, to: number): KafkaMessage[] =>
  Array.from({ length: to - from }, (_, n) => ({ offset: String(from + n) }) as KafkaMessage);

const always = (): boolean => true;
const offsets = ({ records: taken }: { readonly records: readonly { message: KafkaMessage }[] }): number[] =>
  taken.map(({ message }) => Number(message.offset));

test('take() gives out all of one partition before the next, up to its limit', () => {
  const buffer = createPollBuffer();
  buffer.add(0, records(0, 3));
  buffer.add(1, records(10, 14));
  const first = buffer.take(5, always);
  expect(offsets(first)).toEqual([0, 1, 2, 10, 11]);
  expect(first.partitions).toEqual([0, 1]);
  expect(buffer.fetches(0)).toBe(0);
  const second = buffer.take(5, always);
  expect(offsets(second)).toEqual([12, 13]);
  expect(second.partitions).toEqual([1]);
});

test('take() leaves what is not ready where it is', () => {
  const buffer = createPollBuffer();
  buffer.add(0, records(0, 3));
  buffer.add(1, records(0, 2));
  expect(buffer.take(5, (partition) => partition === 1).partitions).toEqual([1]);
  expect(offsets(buffer.take(5, always))).toEqual([0, 1, 2]);
});

test('take() gives out one fetch of a partition, and another partition before its next one', () => {
  const buffer = createPollBuffer();
  buffer.add(0, records(0, 2));
  buffer.add(0, records(2, 4));
  buffer.add(0, records(4, 6));
  buffer.add(1, records(10, 11));
  expect(buffer.fetches(0)).toBe(3);
  expect(offsets(buffer.take(10, always))).toEqual([0, 1, 10]);
  expect(buffer.fetches(0)).toBe(2);
  buffer.add(1, records(11, 12));
  // The partition that was served before the other one comes first again: each was served once.
  expect(offsets(buffer.take(1, always))).toEqual([2]);
  expect(offsets(buffer.take(10, always))).toEqual([3, 11]);
  expect(offsets(buffer.take(10, always))).toEqual([4, 5]);
  expect(buffer.take(10, always)).toEqual({ records: [], partitions: [] });
});

test('add() takes only what is new, and says whether anything was', () => {
  const buffer = createPollBuffer();
  // Another partition has records, so that the buffer is not empty.
  buffer.add(1, records(0, 1));
  expect(buffer.add(0, records(0, 5))).toBe(true);
  buffer.take(10, always);
  expect(buffer.add(0, records(2, 5))).toBe(false);
  expect(buffer.add(0, records(2, 7))).toBe(true);
  expect(offsets(buffer.take(10, always))).toEqual([5, 6]);
});

test('retain() forgets a lost partition whole, so that it can come back at an older offset', () => {
  const buffer = createPollBuffer();
  buffer.add(0, records(0, 5));
  buffer.add(1, records(0, 5));
  expect(buffer.retain(new Set([1]))).toEqual([0]);
  expect(buffer.add(0, records(3, 4))).toBe(true);
  expect(offsets(buffer.take(10, (partition) => partition === 0))).toEqual([3]);
});
