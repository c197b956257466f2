import type { Logger } from '@kandle/runtime/log';
import type { QueryConfig } from '../config.ts';
import type { RejectReader } from './reject-reader.ts';

/** The reader of a process, with a Kafka client that is loaded when it is first asked. */
export function createLazyRejectReader(config: QueryConfig, log: Logger): RejectReader {
  let loaded: Promise<RejectReader> | null = null;

  async function load(): Promise<RejectReader> {
    const [{ createKafka }, { createRejectReader }] = await Promise.all([
      import('@kandle/runtime/kafka'),
      import('./reject-reader.ts'),
    ]);
    return createRejectReader(createKafka(config, 'query', log), config.REJECTS_TOPIC, log);
  }

  return {
    read: async (symbol, fromMs, toMs) => (await (loaded ??= load())).read(symbol, fromMs, toMs),
  };
}
