import type { Admin } from 'kafkajs';
import type { Dispatcher } from './dispatcher.ts';

/** How many records of its topic a dispatcher has not settled yet. */
export async function lagOf(admin: Admin, { source, position }: Dispatcher): Promise<bigint> {
  const [ends, groups] = await Promise.all([
    admin.fetchTopicOffsets(source.topic),
    admin.fetchOffsets({ groupId: source.consumerGroup, topics: [source.topic] }),
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
