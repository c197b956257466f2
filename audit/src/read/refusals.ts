import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseEventData } from '@kandle/runtime/received-event';
import { z } from 'zod';
import type { Scope } from '../values/scope.ts';
import type { TopicEvent } from './raw-batch.ts';

/** What stands in `market.rejects.v1`: how many records were refused, by reason. */
export interface Refusals {
  /** Takes an event; the same one again counts nothing. */
  take(event: TopicEvent): void;
  byReason(): Readonly<Record<string, number>>;
}

const RejectsSchema = z.object({ rejects: z.array(z.object({ reason: z.string() })) });

/** No refusals yet. @param scope Only those of its feed, written at its beginning or later. */
export function createRefusals({ feed, sinceMs }: Pick<Scope, 'feed' | 'sinceMs'>): Refusals {
  const seen = new Set<string>();
  const counts = new Map<string, number>();
  return {
    take({ attributes, value }) {
      const { id = '', type, source = '', time = '' } = attributes;
      if (type !== EVENT_TYPES.rejects || seen.has(id)) return;
      if (feed !== null && source !== `/feeds/${feed}`) return;
      if (sinceMs !== null && Date.parse(time) < sinceMs) return;
      seen.add(id);
      const parsed = RejectsSchema.safeParse(dataOf(value));
      for (const { reason } of parsed.data?.rejects ?? []) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    },
    byReason: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function dataOf(value: Uint8Array): unknown {
  try {
    return parseEventData(value);
  } catch {
    return undefined;
  }
}
