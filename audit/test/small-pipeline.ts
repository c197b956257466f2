import { join } from 'node:path';
import { createCandlePublisher } from '@kandle/aggregate/publish';
import { createShardStore, createWindowStore } from '@kandle/aggregate/cassandra-stores';
import { createAggregate } from '@kandle/aggregate/handler';
import { createWindowCache } from '@kandle/aggregate/window-cache';
import type { MarketEvent } from '@kandle/market/market-event';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { PoisonError } from '@kandle/runtime/errors';
import { createEventProducer, type EventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createMetrics } from '@kandle/runtime/metrics';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { parseEventData, type ReceivedEvent } from '@kandle/runtime/received-event';
import { createPersist } from '@kandle/persist/handler';
import { createViews } from '@kandle/persist/views';
import { createTransformCounters } from '@kandle/transform/counters';
import { createTransform } from '@kandle/transform/handler';
import type { Client } from 'cassandra-driver';
import { inject } from 'vitest';
import type { AuditOptions } from '../src/audit.ts';
import { createTopicReader, type Kafka } from '../src/topic-reader.ts';

const HORIZON_MS = 60_000;
const GRACE_MS = 2_000;
const PARTITIONS = 2;
const EXPIRY_MS = 14 * 86_400_000;
let pipelines = 0;

/** The real functions in this process, over topics and a keyspace of their own on the real servers. */
export interface SmallPipeline {
  readonly kafka: Kafka;
  readonly client: Client;
  readonly producer: EventProducer;
  readonly topics: Readonly<Record<'raw' | 'trades' | 'candles' | 'rejects' | 'dead', string>>;
  /** How `runAudit` is to look at it. */
  readonly audit: AuditOptions;
  /** Puts events into the raw topic. */
  ingest(events: readonly MarketEvent[]): Promise<void>;
  /**
   * Lets every function take what has come into its topic since the last time.
   *
   * @param refuses What a function gives up; its event goes to the dead letters.
   */
  flow(refuses?: (name: FunctionName, event: ReceivedEvent) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** The functions of the pipeline. */
type FunctionName = 'transform' | 'aggregate' | 'persist';

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
  await admin.createTopics({
    topics: Object.values(topics).map((each) => ({
      topic: each,
      numPartitions: PARTITIONS,
      replicationFactor: 1,
    })),
  });
  const producer = createEventProducer(kafka);

  const metrics = createMetrics('audit-test');
  const transform = createTransform({
    producer,
    tradesTopic: topics.trades,
    rejectsTopic: topics.rejects,
    horizonMs: HORIZON_MS,
    counters: createTransformCounters(metrics),
  });
  const aggregate = createAggregate({
    windows: createWindowStore(client),
    shards: createShardStore(client),
    candles: createCandlePublisher(producer, {
      topic: topics.candles,
      provisionalMs: 1,
      monotonicNow: () => performance.now(),
    }),
    cache: createWindowCache(10_000),
    graceMs: GRACE_MS,
    expiryMs: EXPIRY_MS,
    maxAttempts: 10,
    now: Date.now,
    backOff: () => new Promise((resolve) => setTimeout(resolve, 5)),
  });
  const persist = createPersist({
    views: createViews(client, { writeConcurrency: 16, maxRowsPerBatch: 200 }),
    rows: metrics.counter('rows', 'rows'),
  });
  const positions = new Map<string, number>();

  type Handler = (event: ReceivedEvent) => Promise<void>;

  async function take(
    source: string,
    topicName: string,
    [name, handle]: readonly [FunctionName, Handler],
    refuses: (name: FunctionName, event: ReceivedEvent) => boolean,
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
          try {
            if (refuses(name, event)) throw new PoisonError('refused by the test');
            await handle(event);
          } catch (error) {
            if (!(error instanceof PoisonError)) throw error;
            await bury(event, name);
          }
        });
        positions.set(key, Number(high));
      }
    } finally {
      await reader.close();
    }
  }

  async function bury(
    { id, type, source, attributes, data }: ReceivedEvent,
    by: FunctionName,
  ): Promise<void> {
    const extensions = Object.fromEntries(
      Object.entries(attributes)
        .filter(([key]) => !['id', 'type', 'source', 'time', 'specversion', 'datacontenttype'].includes(key))
        .map(([key, value]) => [key, String(value)]),
    );
    await producer.send(topics.dead, [
      {
        id,
        type,
        source,
        key: '',
        extensions: {
          ...extensions,
          knativeerrordest: `http://${by}.kandle.svc.cluster.local`,
          knativeerrorcode: '422',
          knativeerrordata: Buffer.from('refused by the test').toString('base64'),
        },
        data,
      },
    ]);
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
        deadTopic: topics.dead,
        groups: null,
      },
      horizonMs: HORIZON_MS,
      graceMs: GRACE_MS,
    },
    ingest: (events) => producer.send(topics.raw, events),
    async flow(refuses = () => false) {
      await take('transform', topics.raw, ['transform', transform], refuses);
      await take('aggregate', topics.trades, ['aggregate', aggregate], refuses);
      await take('persist-trades', topics.trades, ['persist', persist], refuses);
      await take('persist-candles', topics.candles, ['persist', persist], refuses);
    },
    async close() {
      await schema.execute(`DROP KEYSPACE IF EXISTS ${name}`);
      await admin.deleteTopics({ topics: Object.values(topics) }).catch(() => undefined);
      await Promise.all([admin.disconnect(), producer.close(), client.shutdown(), schema.shutdown()]);
    },
  };
}
