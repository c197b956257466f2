import { SINK_TYPES } from '@kandle/market/sink/sink-event';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { readSecret } from '@kandle/runtime/secret';
import { readConfig } from './config.ts';
import { createSinkInflux } from './handler.ts';
import { createWriter } from './writer.ts';

void runFunction('sink-influx', readConfig, (config) => {
  const { INFLUX_TOKEN_FILE: token } = config;
  const metrics = createMetrics('sink-influx');
  return {
    types: SINK_TYPES,
    handle: createSinkInflux({
      writer: createWriter({
        url: config.INFLUX_URL,
        api: config.INFLUX_API,
        database: config.INFLUX_DATABASE,
        org: config.INFLUX_ORG,
        token: token === undefined ? undefined : readSecret(token, 'INFLUX_TOKEN_FILE'),
        maxPoints: config.MAX_POINTS,
        answerMs: config.ANSWER_MS,
      }),
      points: metrics.counter('sink_influx_points_total', 'Points written, by measurement'),
      refused: metrics.counter(
        'sink_influx_refused_events_total',
        'Events of which InfluxDB refused some points or all, by measurement',
      ),
    }),
    warmUp: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
});
