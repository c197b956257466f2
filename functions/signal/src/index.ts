import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { backOffMs } from '@kandle/runtime/back-off';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { createStateStore } from './cassandra-store.ts';
import { periodsOf, readConfig } from './config.ts';
import { createSignalMetrics } from './metrics.ts';
import { createSignal } from './handler.ts';
import { createNewsSentiments } from './news-sentiment.ts';
import { createSignalPublisher } from './publish.ts';
import { defaultRulesFile, watchRules } from './rules-file.ts';
import { createStateMemory } from './state-memory.ts';

void runFunction('signal', readConfig, (config, log, avro) => {
  const cassandra = createCassandra(config);
  const producer = createEventProducer(createKafka(config, 'signal', log), avro);
  const metrics = createSignalMetrics(createMetrics('signal'));
  const states = createStateStore(cassandra);
  const reach = config.MAX_REPEATED_WINDOWS + 1;
  const periods = periodsOf(config);
  const signal = createSignal({
    states,
    metrics,
    memory: createStateMemory(states, {
      reach,
      maxRows: config.MAX_CACHED_ROWS,
      monotonicMs: () => performance.now(),
    }),
    publisher: createSignalPublisher(producer, config.SIGNALS_TOPIC, periods),
    periods,
    news: createNewsSentiments(cassandra, () => performance.now()),
    rules: watchRules({
      path: config.RULES_FILE ?? defaultRulesFile(process.argv[1] ?? ''),
      maxRepeatedWindows: config.MAX_REPEATED_WINDOWS,
      monotonicMs: () => performance.now(),
      log,
    }),
    reach,
    monotonicMs: () => performance.now(),
    budgetMs: config.BUDGET_MS,
    maxRepeatedWindows: config.MAX_REPEATED_WINDOWS,
    maxRecomputedWindows: config.MAX_RECOMPUTED_WINDOWS,
    maxAttempts: config.MAX_ATTEMPTS,
    backOff: (attempt) => sleep(backOffMs(attempt, Math.random())),
  });
  return {
    types: [EVENT_TYPES.candles],
    handle: signal,
    warmUp: async () => {
      await Promise.all([cassandra.connect(), producer.connect()]);
    },
    close: async () => {
      await Promise.all([producer.close(), cassandra.shutdown()]);
    },
  };
});
