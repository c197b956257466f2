import { EVENT_TYPES } from '@kandle/market/event/topics';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { readConfig } from './config.ts';
import { createTransformMetrics } from './metrics.ts';
import { createTransform } from './handler.ts';

void runFunction('transform', readConfig, (config, log, avro) => {
  const producer = createEventProducer(createKafka(config, 'transform', log), avro);
  return {
    types: [EVENT_TYPES.rawTrades, EVENT_TYPES.rawBooks, EVENT_TYPES.rawNews, EVENT_TYPES.feedGap],
    handle: createTransform({
      producer,
      tradesTopic: config.TRADES_TOPIC,
      rejectsTopic: config.REJECTS_TOPIC,
      horizonMs: config.HORIZON_MS,
      counters: createTransformMetrics(createMetrics('transform')),
    }),
    warmUp: () => producer.connect(),
    close: () => producer.close(),
  };
});
