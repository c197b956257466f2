import { TOPICS } from '@kandle/market/event/topics';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { type Judged, listDeadLetters, sendAgain } from '../redrive/redrive.ts';
import type { Stack } from './stack.ts';

/** The dead letters of a stack, as `npm run redrive` sees them. */
export interface StackLetters {
  list(): Promise<readonly Judged[]>;
  /** Sends all again that were not yet, poison too, as after a fix; returns their number. */
  redrive(): Promise<number>;
}

/** Looks at the dead letters of a stack. */
export function lettersOf({ options, prefix }: Stack): StackLetters {
  const kafka = createKafka(
    { KAFKA_BROKERS: [...options.servers.kafkaBrokers], KAFKA_TLS: false },
    'redrive',
    createLogger('redrive', 'silent'),
  );
  const topics = { dead: prefix + TOPICS.dead, redriven: prefix + TOPICS.redriven, prefix };
  const list = (): Promise<readonly Judged[]> => listDeadLetters(kafka, topics, { includeRefused: true });
  return {
    list,
    async redrive() {
      const letters = (await list()).filter(({ fate }) => fate === 'send').map(({ letter }) => letter);
      return sendAgain(kafka, topics, letters, { nowMs: Date.now, onProgress: () => undefined });
    },
  };
}
