import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';
import type { TopicPlan } from '@kandle/knative/plan';

const READY_DEADLINE_MS = 30_000;
/** Whole megabytes of index per partition, Kafka's default, are of no use on a laptop. */
const LAPTOP_CONFIG = { 'segment.index.bytes': '1048576' };

/** Creates the topics that are not there yet, as the manifests ask for them, and waits until each has its leaders. */
export async function createTopics(admin: Admin, topics: readonly TopicPlan[]): Promise<void> {
  await admin.createTopics({
    // KafkaJS's own waiting gives up when the broker does not know a topic that was created a moment ago.
    waitForLeaders: false,
    topics: topics.map(({ topic, partitions, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: Object.entries({ ...LAPTOP_CONFIG, ...config }).map(([name, value]) => ({
        name,
        value,
      })),
    })),
  });
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!(await haveLeaders(admin, topics))) {
    if (Date.now() > deadline)
      throw new Error('Cannot create the topics: Kafka gave their partitions no leader');
    await sleep(50);
  }
}

async function haveLeaders(admin: Admin, topics: readonly TopicPlan[]): Promise<boolean> {
  try {
    const metadata = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
    return metadata.topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0));
  } catch {
    return false;
  }
}
