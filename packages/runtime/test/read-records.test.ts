import { setTimeout as sleep } from 'node:timers/promises';
import { joinGroup } from '@kandle/testkit/other-member';
import { expect, test } from 'vitest';
import { readRecords } from '../src/read-records.ts';
import { useTwoPartitions } from './two-partitions.ts';

test('readRecords() takes each record once, though its group was rebalanced while it read', async () => {
  const name = `read-records-${Date.now()}`;
  const { kafka, admin, producer } = await useTwoPartitions(name);
  const partitions = [0, 1];
  const send = (value: string) =>
    producer.send({ topic: name, messages: partitions.map((partition) => ({ partition, value })) });
  await send('a');
  const taken: string[] = [];
  const ranges = partitions.map((partition) => ({ partition, from: 0n, to: 2n }));
  const limits = { name, deadlineMs: 60_000, maxRecords: 100 };
  const reading = readRecords(kafka, name, ranges, limits, (partition, { value }) => {
    taken.push(`${partition} ${String(value)}`);
  });
  while (taken.length < partitions.length) await sleep(10);
  const { groups } = await admin.listGroups();
  const groupId = groups.map((group) => group.groupId).find((id) => id.startsWith(name)) ?? '';
  const other = await joinGroup(kafka, groupId, [name]);
  await other.leave();
  await send('b');
  expect(await reading).toBe(true);
  expect(taken.toSorted()).toEqual(['0 a', '0 b', '1 a', '1 b']);
});
