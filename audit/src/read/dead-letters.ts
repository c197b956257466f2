import type { BatchName } from '../values/sequences.ts';
import type { TopicEvent } from './raw-batch.ts';

/** An event that some function gave up on. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  /** The function that did not take it, such as `aggregate`. */
  readonly destination: string;
  /** The answer that ended it: its status, and the beginning of its text. */
  readonly reason: string;
  /** Its effect is missing: it was not redriven. */
  readonly isMissed: boolean;
}

/** The dead letters of the topic as it is now. */
export interface DeadLetters {
  add(event: TopicEvent): void;
  /** True if one of the functions gave the batch up, redriven or not. */
  hasBatch(shard: string, batch: BatchName, destinations: readonly string[]): boolean;
  /**
   * True if one of the functions gave the event up, whose effect is missing: it counts as not redriven from now
   * on.
   */
  isMissed(id: string, destinations: readonly string[]): boolean;
  /** The same for any event with candles of a window, given up by persist. */
  areCandlesMissed(shard: string, windowStartMs: number): boolean;
  all(): readonly DeadLetter[];
}

/** The id of a batch's event. */
export function batchIdOf(shard: string, { epoch, sequence }: BatchName): string {
  return `${epoch}:${shard}:${sequence}`;
}

/** No dead letters yet. */
export function createDeadLetters(): DeadLetters {
  const letters = new Map<string, DeadLetter>();
  /** Keys of persist's letters by `<shard>:<window start>`. */
  const windows = new Map<string, string[]>();

  function keysOf(id: string, destinations: readonly string[]): readonly string[] {
    return destinations.map((destination) => `${destination} ${id}`).filter((key) => letters.has(key));
  }

  function miss(keys: readonly string[]): boolean {
    for (const key of keys) {
      const letter = letters.get(key);
      if (letter !== undefined) letters.set(key, { ...letter, isMissed: true });
    }
    return keys.length > 0;
  }

  return {
    add({ attributes }) {
      const { id = '', type = '' } = attributes;
      const destination = destinationOf(attributes);
      const key = `${destination} ${id}`;
      if (letters.has(key)) return;
      letters.set(key, { id, type, destination, reason: reasonOf(attributes), isMissed: false });
      const [, window] = /^([^:]+:\d+):\d+:[a-z]+:\d+$/.exec(id) ?? [];
      if (window !== undefined && destination === 'persist')
        windows.set(window, [...(windows.get(window) ?? []), key]);
    },
    hasBatch: (shard, batch, destinations) => keysOf(batchIdOf(shard, batch), destinations).length > 0,
    isMissed: (id, destinations) => miss(keysOf(id, destinations)),
    areCandlesMissed: (shard, windowStartMs) => miss(windows.get(`${shard}:${windowStartMs}`) ?? []),
    all: () => [...letters.values()],
  };
}

/** The service's name is the first part of its address. */
function destinationOf({ knativeerrordest = '' }: Readonly<Record<string, string>>): string {
  return /^[a-z]+:\/\/([^./:]+)/.exec(knativeerrordest)?.[1] ?? '';
}

function reasonOf({ knativeerrorcode, knativeerrordata }: Readonly<Record<string, string>>): string {
  const text = Buffer.from(knativeerrordata ?? '', 'base64')
    .toString('utf8')
    .slice(0, 200);
  return [knativeerrorcode ?? 'no answer', text].filter((part) => part !== '').join(' ');
}
