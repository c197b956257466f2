import type { Admin } from 'kafkajs';
import type { Source } from './kafka-source/source.ts';

/** How many records of its topic a source has not settled yet. */
export async function lagOf(admin: Admin, { plan, position }: Source): Promise<bigint> {
  const [ends, groups] = await Promise.all([
    admin.fetchTopicOffsets(plan.topic),
    admin.fetchOffsets({ groupId: plan.consumerGroup, topics: [plan.topic] }),
  ]);
  const committed = new Map(
    groups.flatMap((group) => group.partitions.map(({ partition, offset }) => [partition, BigInt(offset)])),
  );
  let lag = 0n;
  for (const { partition, high, low } of ends) {
    const settled = position(partition) ?? committed.get(partition) ?? -1n;
    lag += BigInt(high) - (settled < 0n ? BigInt(low) : settled);
  }
  return lag;
}
