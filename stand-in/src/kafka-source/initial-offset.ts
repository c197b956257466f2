import type { Kafka } from 'kafkajs';
import type { SourcePlan } from '@kandle/knative/plan';

/**
 * Writes down where a new group begins when it begins with the newest record, as KafkaSource does before its
 * consumers start: else what comes in while no consumer is there, or before the first commit, would be skipped.
 */
export async function pinLatestOffsets(kafka: Kafka, { consumerGroup, topic }: SourcePlan): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const [group] = await admin.fetchOffsets({ groupId: consumerGroup, topics: [topic] });
    const known = new Set(
      group?.partitions.filter(({ offset }) => offset !== '-1').map(({ partition }) => partition),
    );
    const ends = await admin.fetchTopicOffsets(topic);
    const unset = ends.filter(({ partition }) => !known.has(partition));
    if (unset.length === 0 || !(await isWithoutMembers(admin, consumerGroup))) return;
    await admin.setOffsets({
      groupId: consumerGroup,
      topic,
      partitions: unset.map(({ partition, high }) => ({ partition, offset: high })),
    });
  } finally {
    await admin.disconnect();
  }
}

/** A group with members has been through this, and Kafka lets nobody else commit for it. */
async function isWithoutMembers(admin: ReturnType<Kafka['admin']>, groupId: string): Promise<boolean> {
  const { groups } = await admin.describeGroups([groupId]);
  return groups.every(({ members }) => members.length === 0);
}
