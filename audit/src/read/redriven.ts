import { z } from 'zod';
import type { TopicEvent } from './raw-batch.ts';

/** Where a dead letter lies: a topic that was made again has other events at the same offsets. */
type LetterPlace = Pick<TopicEvent, 'partition' | 'offset'> & { readonly id: string };

/** What `npm run redrive` has sent again: the ledger `market.redriven.v1`. */
export interface Redriven {
  /** Takes an entry. What is none says nothing, and its letter waits. */
  add(entry: Pick<TopicEvent, 'value'>): void;
  has(letter: LetterPlace): boolean;
}

const EntrySchema = z.object({
  partition: z.int(),
  offset: z.string().transform(Number),
  id: z.string(),
  /** Only an entry of a refused record has it, which is no letter. */
  batch: z.undefined().optional(),
});

/** Nothing sent again yet. */
export function createRedriven(): Redriven {
  const places = new Set<string>();
  return {
    add({ value }) {
      const entry = EntrySchema.safeParse(jsonOf(value));
      if (entry.success) places.add(placeOf(entry.data));
    },
    has: (letter) => places.has(placeOf(letter)),
  };
}

function placeOf({ partition, offset, id }: LetterPlace): string {
  return `${partition}:${offset}:${id}`;
}

function jsonOf(value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8'));
  } catch {
    return undefined;
  }
}
