import type { createKafka } from '@kandle/runtime/kafka';
import type { Collector, Sample } from './collector.ts';
import { lagOf, recordsIn } from '@kandle/runtime/consumer-lag';

/** The Kafka client that the runtime package sets up. */
type Kafka = ReturnType<typeof createKafka>;
type Admin = ReturnType<Kafka['admin']>;

/** Which topics and groups are looked at. */
export interface KafkaCollectorOptions {
  readonly groupPrefix: string;
  readonly deadTopic: string;
  readonly rejectsTopic: string;
}

/** Most consumer groups that are looked at; a pipeline has one per KafkaSource, fewer than ten. */
const MAX_GROUPS = 50;

/** Lag of every consumer group on every topic that it has offsets of, and how many dead letters and rejects there are. */
export function createKafkaCollector(
  kafka: Kafka,
  { groupPrefix, deadTopic, rejectsTopic }: KafkaCollectorOptions,
): Collector & { readonly close: () => Promise<void> } {
  let connecting: Promise<Admin> | null = null;

  function connect(): Promise<Admin> {
    connecting ??= (async () => {
      const admin = kafka.admin();
      await admin.connect();
      return admin;
    })();
    return connecting;
  }

  /** A connection that failed once is not trusted again. */
  function discard(): Promise<void> {
    const failed = connecting;
    connecting = null;
    return failed?.then((admin) => admin.disconnect()).catch(() => undefined) ?? Promise.resolve();
  }

  async function read(admin: Admin): Promise<Sample[]> {
    const existing = new Set(await admin.listTopics());
    const listed = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    const groups = listed
      .filter((group) => group.startsWith(groupPrefix))
      .toSorted()
      .slice(0, MAX_GROUPS);
    const committed = await Promise.all(
      groups.map(async (groupId) => ({ groupId, topics: await admin.fetchOffsets({ groupId }) })),
    );
    const wanted = new Set([
      deadTopic,
      rejectsTopic,
      ...committed.flatMap(({ topics }) => topics.map(({ topic }) => topic)),
    ]);
    const bounds = new Map(
      await Promise.all(
        [...wanted.intersection(existing)].map(
          async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const,
        ),
      ),
    );
    const samples: Sample[] = [];
    for (const { groupId, topics } of committed) {
      for (const { topic, partitions } of topics) {
        const ends = bounds.get(topic);
        if (ends === undefined) continue;
        const labels = { topic, group: groupId };
        samples.push({ gauge: 'kandle_consumer_lag_events', labels, value: lagOf(ends, partitions) });
      }
    }
    for (const [gauge, topic] of [
      ['kandle_dead_letters', deadTopic],
      ['kandle_reject_events', rejectsTopic],
    ] as const) {
      const ends = bounds.get(topic);
      if (ends !== undefined) samples.push({ gauge, labels: { topic }, value: recordsIn(ends) });
    }
    return samples;
  }

  return {
    name: 'kafka',
    server: 'kafka',
    gauges: {
      kandle_consumer_lag_events: {
        help: 'Events of a topic that a consumer group has not committed yet; a KafkaSource commits every 5 s',
        labels: ['topic', 'group'],
      },
      kandle_dead_letters: { help: 'Events in the dead letter topic, redriven or not', labels: ['topic'] },
      kandle_reject_events: {
        help: 'Events in the rejects topic; one may hold many refused records',
        labels: ['topic'],
      },
    },
    async collect() {
      try {
        return await read(await connect());
      } catch (error) {
        void discard();
        throw error;
      }
    },
    close: discard,
  };
}
