import type { Kafka } from 'kafkajs';

/** A member of a consumer group that takes nothing out of its partitions. */
export interface OtherMember {
  /** Its partitions, by topic. */
  readonly own: Readonly<Record<string, readonly number[]>>;
  /** Gives them back: the second rebalance. */
  leave(): Promise<void>;
}

/** Takes part of the partitions away from who is in a group, until it leaves. */
export async function joinGroup(
  kafka: Pick<Kafka, 'consumer'>,
  groupId: string,
  topics: readonly string[],
): Promise<OtherMember> {
  const member = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  const { promise: joined, resolve } = Promise.withResolvers<OtherMember['own']>();
  member.on(member.events.GROUP_JOIN, ({ payload }) => resolve(payload.memberAssignment));
  await member.connect();
  await member.subscribe({ topics: [...topics] });
  await member.run({ autoCommit: false, eachBatch: async () => undefined });
  return { own: await joined, leave: () => member.disconnect() };
}
