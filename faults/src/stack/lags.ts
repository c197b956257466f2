import type { SourcePlan } from '@kandle/knative/plan';
import type { Admin } from 'kafkajs';

/** Records of a source's topic that its group has not committed. */
export async function committedLag(admin: Admin, { topic, consumerGroup }: SourcePlan): Promise<number> {
  const [ends, groups] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId: consumerGroup, topics: [topic] }),
  ]);
  const committed = new Map(
    groups.flatMap(({ partitions }) =>
      partitions.map(({ partition, offset }) => [partition, Number(offset)]),
    ),
  );
  return ends.reduce((lag, { partition, low, high }) => {
    const done = committed.get(partition) ?? -1;
    return lag + Number(high) - (done < 0 ? Number(low) : done);
  }, 0);
}
