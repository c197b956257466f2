import { TOPICS } from '@kandle/market/topics';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

/** The names of the topics of one pipeline; tests put a prefix before them. */
export type Topics = Readonly<Record<keyof typeof TOPICS, string>>;

/** The topics' names, each with a prefix; none for the real pipeline. */
export function topicNames(prefix = ''): Topics {
  return {
    raw: prefix + TOPICS.raw,
    trades: prefix + TOPICS.trades,
    candles: prefix + TOPICS.candles,
    signals: prefix + TOPICS.signals,
    rejects: prefix + TOPICS.rejects,
    dead: prefix + TOPICS.dead,
  };
}

const PARTITIONS = 12;
const DAY_MS = 86_400_000;

const READY_DEADLINE_MS = 30_000;

/**
 * Creates the topics that are not there yet, with the design's partitions and retention, and waits until every
 * partition has a leader.
 */
export async function createTopics(admin: Admin, topics: Topics): Promise<void> {
  await admin.createTopics({
    // KafkaJS's own waiting gives up when the broker does not know a topic that was created a moment ago.
    waitForLeaders: false,
    topics: Object.entries(topics).map(([kind, topic]) => ({
      topic,
      numPartitions: PARTITIONS,
      replicationFactor: 1,
      configEntries: [
        { name: 'retention.ms', value: String((kind === 'raw' || kind === 'dead' ? 14 : 7) * DAY_MS) },
        // Whole megabytes of index per partition are of no use on a laptop.
        { name: 'segment.index.bytes', value: '1048576' },
      ],
    })),
  });
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!(await haveLeaders(admin, Object.values(topics)))) {
    if (Date.now() > deadline)
      throw new Error('Cannot create the topics: Kafka gave their partitions no leader');
    await sleep(50);
  }
}

async function haveLeaders(admin: Admin, topics: string[]): Promise<boolean> {
  try {
    const metadata = await admin.fetchTopicMetadata({ topics });
    return metadata.topics.every(
      ({ partitions }) => partitions.length === PARTITIONS && partitions.every(({ leader }) => leader >= 0),
    );
  } catch {
    return false;
  }
}
