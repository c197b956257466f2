import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { backOffMs } from '@kandle/runtime/back-off';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createShardStore, createWindowStore } from './cassandra-stores.ts';
import { readConfig } from './config.ts';
import { createAggregate } from './handler.ts';
import { countOutcomes, createAggregateMetrics } from './metrics.ts';
import { createCandlePublisher } from './publish.ts';
import { createRecentWindows } from '@kandle/runtime/recent-windows';

void runFunction('aggregate', readConfig, (config, log, avro) => {
  const cassandra = createCassandra(config);
  const producer = createEventProducer(createKafka(config, 'aggregate', log), avro);
  const metrics = createAggregateMetrics(createMetrics('aggregate'));
  const aggregate = createAggregate({
    ...countOutcomes(
      { windows: createWindowStore(cassandra), shards: createShardStore(cassandra) },
      metrics.casOutcomes,
    ),
    candles: createCandlePublisher(producer, {
      topic: config.CANDLES_TOPIC,
      provisionalMs: config.PROVISIONAL_MS,
      monotonicMs: () => performance.now(),
    }),
    cache: createRecentWindows({ maxRows: config.MAX_CACHED_ROWS, monotonicMs: () => performance.now() }),
    graceMs: config.GRACE_MS,
    expiryMs: config.EXPIRY_MS,
    behindMs: config.BEHIND_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    wallMs: Date.now,
    metrics,
    backOff: (attempt) => sleep(backOffMs(attempt, Math.random())),
  });
  return {
    types: [EVENT_TYPES.trades, EVENT_TYPES.feedGap, EVENT_TYPES.books, EVENT_TYPES.news],
    handle: aggregate,
    warmUp: async () => {
      await Promise.all([cassandra.connect(), producer.connect()]);
    },
    close: async () => {
      await Promise.all([producer.close(), cassandra.shutdown()]);
    },
  };
});
