import { SINK_TYPES } from '@kandle/market/sink/sink-event';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { readSecret } from '@kandle/runtime/secret';
import { readConfig } from './config.ts';
import { createSinkRedis } from './handler.ts';
import { createRedisStore } from './redis-store.ts';

void runFunction('sink-redis', readConfig, (config, log) => {
  const { REDIS_PASSWORD_FILE: password, REDIS_TLS_CA_FILE: ca } = config;
  const store = createRedisStore(
    {
      url: config.REDIS_URL,
      username: config.REDIS_USERNAME,
      password: password === undefined ? undefined : readSecret(password, 'REDIS_PASSWORD_FILE'),
      ca: ca === undefined ? undefined : readSecret(ca, 'REDIS_TLS_CA_FILE'),
      keyPrefix: config.KEY_PREFIX,
      maxRecords: config.MAX_RECORDS,
      answerMs: config.ANSWER_MS,
    },
    log,
  );
  const metrics = createMetrics('sink-redis');
  return {
    types: SINK_TYPES,
    handle: createSinkRedis({
      store,
      values: metrics.counter('sink_redis_values_total', 'Newest values, by kind and outcome'),
      records: metrics.counter('sink_redis_records_total', 'Processed records, by stream and outcome'),
    }),
    warmUp: () => store.connect(),
    close: () => store.close(),
  };
});
