import type { BatchName } from '../values/sequences.ts';
import type { TopicEvent } from './raw-batch.ts';
import type { Redriven } from './redriven.ts';

/** An event that some function gave up on. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  /** The function that did not take it, such as `aggregate`. */
  readonly destination: string;
  /** The answer that ended it: its status, and the beginning of its text. */
  readonly reason: string;
  /** Somebody has sent every copy of it again: what is missing now, is missing for another reason. */
  readonly isRedriven: boolean;
  /** Its effect is missing, and nobody has sent it again. */
  readonly isMissed: boolean;
}

/** The dead letters of the topic as it is now. */
export interface DeadLetters {
  add(event: TopicEvent): void;
  /** True if one of the functions gave the batch up, and nobody has sent it again. */
  isWaiting(shard: string, batch: BatchName, destinations: readonly string[]): boolean;
  /** The same of an event whose effect is missing: it counts as missed from now on. */
  isMissed(id: string, destinations: readonly string[]): boolean;
  /** The same for any event with candles of a window, given up by persist. */
  areCandlesMissed(shard: string, windowStartMs: number): boolean;
  all(): readonly DeadLetter[];
}

/** The id of a batch's event. */
export function batchIdOf(shard: string, { epoch, sequence }: BatchName): string {
  return `${epoch}:${shard}:${sequence}`;
}

/** No dead letters yet. @param redriven What was sent again, read before the letters were. */
export function createDeadLetters(redriven: Pick<Redriven, 'has'>): DeadLetters {
  const letters = new Map<string, DeadLetter>();
  /** Keys of persist's letters by `<shard>:<window start>`. */
  const windows = new Map<string, string[]>();

  function keysOf(id: string, destinations: readonly string[]): readonly string[] {
    return destinations.map((destination) => `${destination} ${id}`);
  }

  function isWaiting(key: string): boolean {
    return letters.get(key)?.isRedriven === false;
  }

  function miss(keys: readonly string[]): boolean {
    const waiting = keys.filter(isWaiting);
    for (const key of waiting) {
      const letter = letters.get(key);
      if (letter !== undefined) letters.set(key, { ...letter, isMissed: true });
    }
    return waiting.length > 0;
  }

  return {
    add({ attributes, partition, offset }) {
      const { id = '', type = '' } = attributes;
      const destination = destinationOf(attributes);
      const key = `${destination} ${id}`;
      const isRedriven = redriven.has({ partition, offset, id });
      const known = letters.get(key);
      if (known !== undefined) {
        // What was sent again, and given up again, lies there a second time.
        letters.set(key, { ...known, isRedriven: known.isRedriven && isRedriven });
        return;
      }
      letters.set(key, { id, type, destination, reason: reasonOf(attributes), isRedriven, isMissed: false });
      const [, window] = /^([^:]+:\d+):\d+:[a-z]+:\d+$/.exec(id) ?? [];
      if (window !== undefined && destination === 'persist')
        windows.set(window, [...(windows.get(window) ?? []), key]);
    },
    isWaiting: (shard, batch, destinations) => keysOf(batchIdOf(shard, batch), destinations).some(isWaiting),
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
