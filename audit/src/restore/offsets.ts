import { setTimeout as sleep } from 'node:timers/promises';
import { RetryableError } from '@kandle/runtime/errors';
import type { Admin } from 'kafkajs';

/** A consumer group, and the topic that it reads. */
export interface GroupTopic {
  readonly group: string;
  readonly topic: string;
}

/** Where a group is to go on, and what it reads then. */
export interface Reading extends GroupTopic {
  readonly positions: readonly { readonly partition: number; readonly offset: string }[];
  /** Events from there to the end. */
  readonly events: number;
  /** Events that the topic holds. */
  readonly held: number;
}

/**
 * What a group reads from a time on, or from the beginning.
 *
 * @param sinceMs When an event was written, epoch milliseconds; null for the beginning.
 */
export async function readingSince(
  admin: Admin,
  { group, topic }: GroupTopic,
  sinceMs: number | null,
): Promise<Reading> {
  const bounds = await admin.fetchTopicOffsets(topic);
  const found = sinceMs === null ? [] : await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs);
  const offsets = new Map(found.map(({ partition, offset }) => [partition, offset]));
  const positions = bounds.map(({ partition, low }) => ({
    partition,
    offset: offsets.get(partition) ?? low,
  }));
  const from = new Map(positions.map(({ partition, offset }) => [partition, Number(offset)]));
  return {
    group,
    topic,
    positions,
    events: bounds.reduce((sum, { partition, high }) => sum + Number(high) - (from.get(partition) ?? 0), 0),
    held: bounds.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0),
  };
}

/** The end of a topic: nothing is read again. */
export async function readingNothing(admin: Admin, { group, topic }: GroupTopic): Promise<Reading> {
  const bounds = await admin.fetchTopicOffsets(topic);
  const positions = bounds.map(({ partition, high }) => ({ partition, offset: high }));
  return { group, topic, positions, events: 0, held: 0 };
}

const POLL_MS = 500;

/**
 * Waits until nobody is in some groups: Kafka moves a group only then.
 *
 * @throws {RetryableError} Naming those that still have members after the time.
 */
export async function waitUntilLeft(admin: Admin, groups: readonly string[], waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const described = await admin.describeGroups([...groups]);
    const held = described.groups.filter(({ members }) => members.length > 0);
    if (held.length === 0) return;
    if (performance.now() > deadline)
      throw new RetryableError(
        `Cannot move ${held.map(({ groupId, members }) => `${groupId} (${members.length} members)`).join(', ')}: ` +
          'its event source still reads. Stop it first (on a cluster: spec.consumers 0; knative/deploy.sh --restore does it)',
      );
    await sleep(POLL_MS);
  }
}

/** Moves a group that nobody is in. @throws {RetryableError} If Kafka did not keep what was asked. */
export async function moveGroup(admin: Admin, { group, topic, positions }: Reading): Promise<void> {
  await admin.setOffsets({ groupId: group, topic, partitions: positions.map((one) => ({ ...one })) });
  const [kept] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
  const offsets = new Map(kept?.partitions.map(({ partition, offset }) => [partition, offset]));
  const wrong = positions.filter(({ partition, offset }) => offsets.get(partition) !== offset);
  if (wrong.length > 0)
    throw new RetryableError(
      `Cannot move ${group}: Kafka kept other offsets for partitions ${wrong.map(({ partition }) => partition).join(', ')} of ${topic}`,
    );
}
