import { EVENT_TYPES } from '@kandle/market/topics';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { runFunction } from '@kandle/runtime/run-function';
import { createStateStore } from './cassandra-store.ts';
import { periodsOf, readConfig } from './config.ts';
import { createSignal } from './handler.ts';
import { createNewsSentiments } from './news-sentiment.ts';
import { createSignalPublisher } from './publish.ts';
import { defaultRulesFile, watchRules } from './rules-file.ts';
import { createStateMemory } from './state-memory.ts';

/** Longest wait between two attempts at a lost race, milliseconds; half of it is chance. */
const MAX_BACK_OFF_MS = 200;

void runFunction('signal', readConfig, (config, log) => {
  const cassandra = createCassandra(config);
  const producer = createEventProducer(createKafka(config, 'signal', log));
  const states = createStateStore(cassandra);
  const reach = config.MAX_REPEATED_WINDOWS + 1;
  const periods = periodsOf(config);
  const signal = createSignal({
    states,
    memory: createStateMemory(states, reach, config.MAX_CACHED_ROWS),
    publisher: createSignalPublisher(producer, config.SIGNALS_TOPIC, periods),
    periods,
    news: createNewsSentiments(cassandra, () => performance.now()),
    rules: watchRules({
      path: config.RULES_FILE ?? defaultRulesFile(process.argv[1] ?? ''),
      maxRepeatedWindows: config.MAX_REPEATED_WINDOWS,
      monotonicNow: () => performance.now(),
      log,
    }),
    reach,
    maxRepeatedWindows: config.MAX_REPEATED_WINDOWS,
    maxRecomputedWindows: config.MAX_RECOMPUTED_WINDOWS,
    maxAttempts: config.MAX_ATTEMPTS,
    backOff: (attempt) => {
      const limitMs = Math.min(MAX_BACK_OFF_MS, 5 * 2 ** attempt);
      return new Promise((resolve) => setTimeout(resolve, limitMs * (0.5 + Math.random() / 2)));
    },
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
