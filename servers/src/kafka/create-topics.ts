import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

/** A topic that is to be there. */
export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  /** Settings by name, as in `kafka-configs`. */
  readonly config?: Readonly<Record<string, string>>;
}

const READY_DEADLINE_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** Whole megabytes of index per partition, Kafka's default, are of no use on one machine. */
const ONE_MACHINE_CONFIG = { 'segment.index.bytes': '1048576' };

/**
 * Creates the topics that are not there yet, and waits until every partition of all of them takes and gives
 * records.
 *
 * That a partition has a leader is not enough: a busy broker tells of the leader before it serves the
 * partition, and then answers "This server does not host this topic-partition". So each leader is asked for its
 * offsets.
 *
 * @param admin Nothing else may be asked of it meanwhile: as long as the broker does not know one of the
 *   topics, KafkaJS fails whatever needs new metadata.
 */
export async function createTopics(admin: Admin, topics: readonly NewTopic[]): Promise<void> {
  await admin.createTopics({
    // KafkaJS's own waiting asks for leaders only, and gives up when the broker does not know the topic yet.
    waitForLeaders: false,
    topics: topics.map(({ topic, partitions, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: 1,
      configEntries: Object.entries({ ...ONE_MACHINE_CONFIG, ...config }).map(([name, value]) => ({
        name,
        value,
      })),
    })),
  });
  const deadlineMs = performance.now() + READY_DEADLINE_MS;
  for (const { topic } of topics) {
    while (!(await isServed(admin, topic))) {
      if (performance.now() > deadlineMs)
        throw new Error(`Cannot create ${topic}: its partitions were not served in ${READY_DEADLINE_MS} ms`);
      await sleep(LOOK_EVERY_MS);
    }
  }
}

async function isServed(admin: Admin, topic: string): Promise<boolean> {
  try {
    return (await admin.fetchTopicOffsets(topic)).length > 0;
  } catch {
    return false;
  }
}
