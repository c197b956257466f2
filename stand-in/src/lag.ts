import { lagOf } from '@kandle/runtime/consumer-lag';
import type { SourcePlan } from '@kandle/knative/plan';
import type { Admin } from 'kafkajs';

/**
 * Number of records of its topic that a source has not settled.
 *
 * @param settled The offset up to which a partition is settled, where that is known before it is committed.
 */
export async function readLag(
  admin: Admin,
  { topic, consumerGroup }: Pick<SourcePlan, 'topic' | 'consumerGroup'>,
  settled: (partition: number) => bigint | undefined = () => undefined,
): Promise<number> {
  const [bounds, groups] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId: consumerGroup, topics: [topic] }),
  ]);
  const committed = new Map(
    groups.flatMap(({ partitions }) => partitions.map(({ partition, offset }) => [partition, offset])),
  );
  return lagOf(
    bounds,
    bounds.map(({ partition }) => ({
      partition,
      offset: String(settled(partition) ?? committed.get(partition) ?? -1),
    })),
  );
}
