import { setTimeout as sleep } from 'node:timers/promises';
import { joinGroup } from '@kandle/testkit/other-member';
import type { Admin } from 'kafkajs';
import { expect, test, vi } from 'vitest';
import { readTopic } from '../src/read-topic.ts';
import { useTwoPartitions } from './two-partitions.ts';

/** KafkaJS's default, and a moment. */
const HEARTBEAT_MS = 3_100;

test('readTopic() takes each record once, though its group was rebalanced while it read', async () => {
  const name = `read-topic-${Date.now()}`;
  const { kafka, admin, producer } = await useTwoPartitions(name);
  const records = ['0 a', '0 b', '1 a', '1 b'];
  for (const value of records)
    await producer.send({ topic: name, messages: [{ partition: Number(value[0]), value }] });
  const taken: string[] = [];
  const { promise: mayGoOn, resolve: goOn } = Promise.withResolvers<void>();
  const reading = readTopic(kafka, name, { name: 'kandle-test' }, async (_, messages) => {
    taken.push(...messages.map(({ value }) => String(value)));
    await mayGoOn;
  });
  while (taken.length === 0) await sleep(10);
  const groupId = await groupOf(admin, name);
  const joining = joinGroup(kafka, groupId, [name]);
  await vi.waitFor(async () => {
    const { groups } = await admin.describeGroups([groupId]);
    expect(groups[0]?.state).toBe('PreparingRebalance');
  }, 30_000);
  // KafkaJS hears of it by its next heartbeat.
  await sleep(HEARTBEAT_MS);
  goOn();
  await (await joining).leave();
  await reading;
  expect(taken.toSorted()).toEqual(records);
});

/** The group that reads a topic. */
async function groupOf(admin: Admin, topic: string): Promise<string> {
  const { groups } = await admin.listGroups();
  const reading = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith('kandle-test-read-'));
  const { groups: described } = await admin.describeGroups(reading);
  const own = described.find(({ members }) =>
    members.some(({ memberMetadata }) => memberMetadata.includes(topic)),
  );
  if (own === undefined) throw new Error(`Nobody reads ${topic}`);
  return own.groupId;
}
