import type { TopicEvent } from './raw-batch.ts';

/** An event that some function gave up on. */
export interface DeadLetter {
  readonly id: string;
  readonly type: string;
  /** The function that did not take it, such as `aggregate`. */
  readonly destination: string;
  /** The answer that ended it: its status, and the beginning of its text. */
  readonly reason: string;
}

/** The dead letters of the topic as it is now, by the event's id. */
export interface DeadLetters {
  add(event: TopicEvent): void;
  /** The letters of an event; with destinations, only those that one of these gave up. */
  of(id: string, destinations?: readonly string[]): readonly DeadLetter[];
  all(): Iterable<DeadLetter>;
}

/** No dead letters yet. */
export function createDeadLetters(): DeadLetters {
  const byId = new Map<string, DeadLetter[]>();
  return {
    add({ attributes }) {
      const { id = '', type = '' } = attributes;
      const letter = { id, type, destination: destinationOf(attributes), reason: reasonOf(attributes) };
      const known = byId.get(id);
      if (known === undefined) byId.set(id, [letter]);
      else if (!known.some(({ destination }) => destination === letter.destination)) known.push(letter);
    },
    of(id, destinations) {
      const letters = byId.get(id) ?? [];
      return destinations === undefined
        ? letters
        : letters.filter(({ destination }) => destinations.includes(destination));
    },
    *all() {
      for (const letters of byId.values()) yield* letters;
    },
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
