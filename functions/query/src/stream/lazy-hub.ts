import { randomUUID } from 'node:crypto';
import type { Logger } from '@kandle/runtime/log';
import type { QueryConfig } from '../config.ts';
import type { StreamHub } from './hub.ts';

/** How long the consumer stays when nobody listens any more: a client comes again within a second. */
const IDLE_MS = 5_000;

/** The hub of a process, with a Kafka client that is loaded with the first stream: most questions need none. */
export function createLazyHub(config: QueryConfig, log: Logger): StreamHub {
  let loaded: Promise<StreamHub> | null = null;

  async function load(): Promise<StreamHub> {
    const [{ createKafka }, { createAvroEvents }, { createStreamHub }] = await Promise.all([
      import('@kandle/runtime/kafka'),
      import('@kandle/runtime/avro/avro-events'),
      import('./hub.ts'),
    ]);
    return createStreamHub({
      kafka: createKafka(config, 'query', log),
      topics: { candles: config.CANDLES_TOPIC, signals: config.SIGNALS_TOPIC },
      // The names that a cluster's Kafka lets functions use: knative/components/kafka.
      groupId: `kandle-query-stream-${randomUUID()}`,
      idleMs: IDLE_MS,
      log,
      avro: createAvroEvents(config),
    });
  }

  return {
    listen: async (from, listener) => (await (loaded ??= load())).listen(from, listener),
    close: async () => (await loaded)?.close(),
  };
}
