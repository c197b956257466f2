import type { createKafka } from '@kandle/runtime/kafka';
import type { Collector, Sample } from './collector.ts';
import type { SourceGroup } from './config.ts';
import {
  committedBy,
  type CommittedOffset,
  lagOf,
  recordsEver,
  recordsIn,
} from '@kandle/runtime/consumer-lag';

/** The Kafka client that the runtime package sets up. */
type Kafka = ReturnType<typeof createKafka>;
type Admin = ReturnType<Kafka['admin']>;

/** Which topics and groups are looked at. */
export interface KafkaCollectorOptions {
  readonly groupPrefix: string;
  /** Groups that there should be, whether they have committed anything or not. */
  readonly sources: readonly SourceGroup[];
  readonly deadTopic: string;
  readonly rejectsTopic: string;
}

/** Most consumer groups that are looked at; a pipeline has one per KafkaSource, fewer than ten. */
const MAX_GROUPS = 50;

/** What a group has committed of a topic's partitions. */
interface Committed {
  readonly group: string;
  readonly topic: string;
  readonly offsets: readonly CommittedOffset[];
}

const NOTHING: readonly CommittedOffset[] = [];

/**
 * Lag of every consumer group on every topic that it reads, and how many events the topics hold and have ever
 * held.
 */
export function createKafkaCollector(
  kafka: Kafka,
  { groupPrefix, sources, deadTopic, rejectsTopic }: KafkaCollectorOptions,
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

  /**
   * What each group has committed, by topic; empty for a topic that it should read, and has committed nothing
   * of.
   */
  async function readCommitted(admin: Admin): Promise<readonly Committed[]> {
    const listed = (await admin.listGroups()).groups
      .map(({ groupId }) => groupId)
      .filter((group) => group.startsWith(groupPrefix));
    const groups = [...new Set([...sources.map(({ group }) => group), ...listed.toSorted()])].slice(
      0,
      MAX_GROUPS,
    );
    const committed = await Promise.all(
      groups.map(async (group) => {
        const found = new Map(
          sources.filter((one) => one.group === group).map(({ topic }) => [topic, NOTHING]),
        );
        for (const { topic, partitions } of await admin.fetchOffsets({ groupId: group }))
          found.set(topic, partitions);
        return [...found].map(([topic, offsets]) => ({ group, topic, offsets }));
      }),
    );
    return committed.flat();
  }

  async function read(admin: Admin): Promise<Sample[]> {
    const existing = new Set(await admin.listTopics());
    const committed = await readCommitted(admin);
    const wanted = new Set([deadTopic, rejectsTopic, ...committed.map(({ topic }) => topic)]);
    const bounds = new Map(
      await Promise.all(
        [...wanted.intersection(existing)].map(
          async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const,
        ),
      ),
    );
    const samples: Sample[] = [];
    for (const { group, topic, offsets } of committed) {
      const ends = bounds.get(topic);
      if (ends === undefined) continue;
      const labels = { topic, group };
      samples.push(
        { gauge: 'kandle_consumer_lag_events', labels, value: lagOf(ends, offsets) },
        { gauge: 'kandle_consumer_committed_events_total', labels, value: committedBy(offsets) },
      );
    }
    for (const [topic, ends] of bounds)
      samples.push({ gauge: 'kandle_topic_events_total', labels: { topic }, value: recordsEver(ends) });
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
      kandle_consumer_committed_events_total: {
        help: 'Events of a topic that a consumer group has committed; 0 for a group that never did',
        labels: ['topic', 'group'],
        isCounter: true,
      },
      kandle_topic_events_total: {
        help: 'Events that were ever written to a topic; retention takes none away here',
        labels: ['topic'],
        isCounter: true,
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
