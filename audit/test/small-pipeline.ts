import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createCandlePublisher } from '@kandle/aggregate/publish';
import { createShardStore, createWindowStore } from '@kandle/aggregate/cassandra-stores';
import { createAggregate } from '@kandle/aggregate/handler';
import { createRecentWindows } from '@kandle/runtime/recent-windows';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createEventProducer, type EventProducer } from '@kandle/runtime/event-producer';
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { shardPartitioner } from '@kandle/runtime/shard-partitioner';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createMetrics } from '@kandle/runtime/metrics';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { parseEventData, type ReceivedEvent } from '@kandle/runtime/received-event';
import { createPersist } from '@kandle/persist/handler';
import { createRollupStore } from '@kandle/persist/rollups/rollup-store';
import { createRollups } from '@kandle/persist/rollups/rollups';
import { createViews } from '@kandle/persist/views/views';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { createTransformMetrics } from '@kandle/transform/metrics';
import { createTransform } from '@kandle/transform/handler';
import type { Client } from 'cassandra-driver';
import type { Message } from 'kafkajs';
import { inject } from 'vitest';
import type { AuditOptions } from '../src/audit.ts';
import { createTopicReader, type Kafka, offsetRangesOf, readWholeTopic } from '../src/read/topic-reader.ts';

export const HORIZON_MS = 60_000;
const GRACE_MS = 2_000;
const PARTITIONS = 2;
const EXPIRY_MS = 14 * 86_400_000;
let pipelines = 0;

/** The real functions in this process, over topics and a keyspace of their own on the real servers. */
export interface SmallPipeline {
  readonly kafka: Kafka;
  readonly client: Client;
  readonly producer: EventProducer;
  readonly topics: Readonly<Record<'raw' | 'trades' | 'candles' | 'rejects' | 'dead' | 'redriven', string>>;
  /** How `runAudit` is to look at it. */
  readonly audit: AuditOptions;
  /** Puts events into the raw topic. */
  ingest(events: readonly MarketEvent[]): Promise<void>;
  /** Puts events into the raw topic, each into a partition that is not its shard's. */
  stray(events: readonly MarketEvent[]): Promise<void>;
  /** Another raw topic with other events, for an audit of what the functions made of the first. */
  newRawTopic(events: readonly MarketEvent[]): Promise<string>;
  /** Lets every function take what has come into its topic since the last time. */
  flow(mishaps?: Mishaps): Promise<void>;
  /** Sends dead letters back to the topic they came from, once, and enters them in the ledger. */
  redrive(isWanted?: (letter: Letter) => boolean): Promise<void>;
  /** Delivers every event of a function's topic once more, from the beginning. */
  replay(names: readonly FunctionName[]): Promise<void>;
  close(): Promise<void>;
}

/** Which event was given up, and by whom. */
interface Letter {
  readonly by: FunctionName;
  readonly id: string;
}

/** The functions of the pipeline. */
type FunctionName = 'transform' | 'aggregate' | 'persist';

/** What goes wrong on the way. */
interface Mishaps {
  /** What becomes of an event: a function takes it, gives it up to the dead letters, or it is lost. */
  readonly fate?: (name: FunctionName, event: ReceivedEvent) => 'take' | 'give up' | 'lose';
  /** Candle events that aggregate never sends. */
  readonly isUnsent?: (event: MarketEvent) => boolean;
}

/** Starts a pipeline with nothing in it. */
export async function startSmallPipeline(): Promise<SmallPipeline> {
  pipelines += 1;
  const name = `audit${Date.now()}_${pipelines}`;
  const topic = (what: string): string => `${name}.${what}`;
  const topics = {
    raw: topic('raw'),
    trades: topic('trades'),
    candles: topic('candles'),
    rejects: topic('rejects'),
    dead: topic('dead'),
    redriven: topic('redriven'),
  };
  const { contactPoints, port } = inject('cassandra');
  const settings = CassandraEnv.parse({
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_PORT: String(port),
    CASSANDRA_KEYSPACE: name,
  });
  const schema = createCassandra(settings, { useKeyspace: false });
  await migrate(schema, join(import.meta.dirname, '../../cql'), laptopSchemaValues(name));
  const client = createCassandra(settings);
  const log = createLogger('audit-test', 'silent');
  const kafka = createKafka(
    KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
    'audit-test',
    log,
  );
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(
    admin,
    Object.values(topics).map((each) => ({ topic: each, partitions: PARTITIONS, config: {} })),
  );
  const producer = createEventProducer(kafka);

  const metrics = createMetrics('audit-test');
  const transform = createTransform({
    producer,
    tradesTopic: topics.trades,
    rejectsTopic: topics.rejects,
    horizonMs: HORIZON_MS,
    counters: createTransformMetrics(metrics),
  });
  let mishaps: Mishaps = {};
  const candleProducer: EventProducer = {
    ...producer,
    send: (to, events) =>
      producer.send(
        to,
        events.filter((event) => mishaps.isUnsent?.(event) !== true),
      ),
  };
  const aggregate = createAggregate({
    windows: createWindowStore(client),
    shards: createShardStore(client),
    candles: createCandlePublisher(candleProducer, {
      topic: topics.candles,
      provisionalMs: 1,
      monotonicMs: () => performance.now(),
    }),
    cache: createRecentWindows({ maxRows: 10_000, monotonicMs: () => performance.now() }),
    graceMs: GRACE_MS,
    expiryMs: EXPIRY_MS,
    behindMs: EXPIRY_MS,
    maxAttempts: 10,
    wallMs: Date.now,
    backOff: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const views = createViews(client, { writeConcurrency: 16, maxRowsPerBatch: 200 });
  const newRollups = () =>
    createRollups(createRollupStore(client, views), {
      process: randomUUID(),
      idleMs: 60_000,
      concurrency: 16,
      maxPending: 10_000,
      nowMs: () => performance.now(),
      nowUs: () => BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)),
      log,
    });
  let rollups = newRollups();
  const persist = createPersist({
    views,
    rollups: { note: (closed) => rollups.note(closed) },
    rows: metrics.counter('rows', 'rows'),
    horizonMs: HORIZON_MS,
  });
  const positions = new Map<string, number>();

  type Handler = (event: ReceivedEvent) => Promise<void>;

  async function take(
    source: string,
    topicName: string,
    [name, handle]: readonly [FunctionName, Handler],
  ): Promise<void> {
    const reader = createTopicReader(kafka, topicName);
    try {
      for (const { partition, high } of await admin.fetchTopicOffsets(topicName)) {
        const key = `${source} ${partition}`;
        await reader.read({ partition, from: positions.get(key) ?? 0, to: Number(high) }, async (found) => {
          const event: ReceivedEvent = {
            id: found.attributes['id'] ?? '',
            type: found.attributes['type'] ?? '',
            source: found.attributes['source'] ?? '',
            attributes: found.attributes,
            data: parseEventData(found.value),
            offset: BigInt(found.offset),
          };
          const fate = mishaps.fate?.(name, event) ?? 'take';
          if (fate === 'take') await handle(event);
          else if (fate === 'give up') await bury(event, name, topicName);
        });
        positions.set(key, Number(high));
      }
    } finally {
      await reader.close();
    }
  }

  let buried: (Letter & { readonly topic: string; readonly event: MarketEvent })[] = [];

  async function bury(
    { id, type, source, attributes, data }: ReceivedEvent,
    by: FunctionName,
    from: string,
  ): Promise<void> {
    const extensions = Object.fromEntries(
      Object.entries(attributes)
        .filter(([key]) => !['id', 'type', 'source', 'time', 'specversion', 'datacontenttype'].includes(key))
        .map(([key, value]) => [key, String(value)]),
    );
    const event = { id, type, source, key: extensions['shard'] ?? '', extensions, data };
    buried.push({ by, id, topic: from, event });
    await producer.send(topics.dead, [
      {
        ...event,
        extensions: {
          ...extensions,
          knativeerrordest: `http://${by}.kandle.svc.cluster.local`,
          knativeerrorcode: '422',
          knativeerrordata: Buffer.from('refused by the test').toString('base64'),
        },
      },
    ]);
  }

  /** Sends messages as they are: to the partition that they name, or to any. */
  async function sendPlain(to: string, messages: readonly Message[]): Promise<void> {
    const plain = kafka.producer();
    await plain.connect();
    try {
      for (const message of messages) await plain.send({ topic: to, messages: [message] });
    } finally {
      await plain.disconnect();
    }
  }

  async function flow(with_: Mishaps): Promise<void> {
    mishaps = with_;
    await take('transform', topics.raw, ['transform', transform]);
    await take('aggregate', topics.trades, ['aggregate', aggregate]);
    await take('persist-trades', topics.raw, ['persist', persist]);
    await take('persist-candles', topics.candles, ['persist', persist]);
    // As when persist goes to sleep: what is pending is rolled up.
    await rollups.close();
    rollups = newRollups();
  }

  return {
    kafka,
    client,
    producer,
    topics,
    audit: {
      kafka,
      client,
      flow: {
        rawTopic: topics.raw,
        tradesTopic: topics.trades,
        candlesTopic: topics.candles,
        rejectsTopic: topics.rejects,
        deadTopic: topics.dead,
        redrivenTopic: topics.redriven,
        groups: null,
      },
      horizonMs: HORIZON_MS,
      graceMs: GRACE_MS,
      // Some two in a hundred come too late in the small market.
      maxRefusedPpm: 50_000,
    },
    ingest: (events) => producer.send(topics.raw, events),
    stray: (events) =>
      sendPlain(
        topics.raw,
        events.map((event) => {
          const message = toKafkaMessage(event);
          const home = shardPartitioner()({
            topic: topics.raw,
            message,
            partitionMetadata: Array.from({ length: PARTITIONS }, (_, partitionId) => ({
              partitionId,
              partitionErrorCode: 0,
              leader: 0,
              replicas: [],
              isr: [],
            })),
          });
          return { ...message, partition: (home + 1) % PARTITIONS };
        }),
      ),
    async newRawTopic(events) {
      const other = topic(`raw${Date.now()}`);
      await createTopics(admin, [{ topic: other, partitions: PARTITIONS, config: {} }]);
      await producer.send(other, events);
      return other;
    },
    flow: (with_ = {}) => flow(with_),
    async replay(names) {
      for (const key of positions.keys()) {
        if (names.some((name) => key.startsWith(name))) positions.delete(key);
      }
      await flow({});
    },
    async redrive(isWanted = () => true) {
      const wanted = buried.filter(isWanted);
      buried = buried.filter((letter) => !wanted.includes(letter));
      const entries: string[] = [];
      await readWholeTopic(kafka, topics.dead, await offsetRangesOf(admin, topics.dead), (found) => {
        const { id = '', knativeerrordest = '' } = found.attributes;
        if (wanted.some((letter) => letter.id === id && knativeerrordest.startsWith(`http://${letter.by}.`)))
          entries.push(JSON.stringify({ partition: found.partition, offset: String(found.offset), id }));
      });
      for (const { topic: to, event } of wanted) await producer.send(to, [event]);
      await sendPlain(
        topics.redriven,
        entries.map((value) => ({ value })),
      );
    },
    async close() {
      // Cassandra takes a snapshot of what it drops.
      await schema.execute(`DROP KEYSPACE IF EXISTS ${name}`, [], { readTimeout: 60_000 });
      await admin.deleteTopics({ topics: Object.values(topics) }).catch(() => undefined);
      await Promise.all([admin.disconnect(), producer.close(), client.shutdown(), schema.shutdown()]);
    },
  };
}
