import { EVENT_TYPES } from '@kandle/market/topics';
import { createCassandra } from '@kandle/runtime/cassandra';
import { runFunction } from '@kandle/runtime/run-function';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createShardStore, createWindowStore } from './cassandra-stores.ts';
import { readConfig } from './config.ts';
import { createAggregate } from './handler.ts';
import { createCandlePublisher } from './publish.ts';
import { createWindowCache } from './window-cache.ts';

/** Longest wait between two attempts at a lost race, milliseconds; half of it is chance. */
const MAX_BACK_OFF_MS = 200;

void runFunction('aggregate', readConfig, (config, log) => {
  const cassandra = createCassandra(config);
  const producer = createEventProducer(createKafka(config, 'aggregate', log));
  const aggregate = createAggregate({
    windows: createWindowStore(cassandra),
    shards: createShardStore(cassandra),
    candles: createCandlePublisher(producer, {
      topic: config.CANDLES_TOPIC,
      provisionalMs: config.PROVISIONAL_MS,
      monotonicNow: () => performance.now(),
    }),
    cache: createWindowCache(config.MAX_CACHED_ROWS),
    graceMs: config.GRACE_MS,
    expiryMs: config.EXPIRY_MS,
    maxAttempts: config.MAX_ATTEMPTS,
    now: Date.now,
    backOff: (attempt) => {
      const limitMs = Math.min(MAX_BACK_OFF_MS, 5 * 2 ** attempt);
      return new Promise((resolve) => setTimeout(resolve, limitMs * (0.5 + Math.random() / 2)));
    },
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
