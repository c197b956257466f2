import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import type { DeadLetter } from './dead-letter.ts';

/** What a topic carries, for every type that stands in one topic only. */
const TOPIC_OF_TYPE: ReadonlyMap<string, string> = new Map([
  [EVENT_TYPES.rawTrades, TOPICS.raw],
  [EVENT_TYPES.trades, TOPICS.trades],
  [EVENT_TYPES.candles, TOPICS.candles],
  [EVENT_TYPES.indicators, TOPICS.signals],
  [EVENT_TYPES.signals, TOPICS.signals],
  [EVENT_TYPES.instrument, TOPICS.instruments],
  [EVENT_TYPES.instrumentList, TOPICS.instruments],
]);
/** What a function reads, where it reads one topic only. */
const TOPIC_OF_DESTINATION: ReadonlyMap<string, string> = new Map([
  ['transform', TOPICS.raw],
  ['persist', TOPICS.raw],
  ['aggregate', TOPICS.trades],
  ['notify', TOPICS.signals],
]);

/**
 * The topic that a dead letter came from: by its type, and where a type stands in several topics (a feed gap)
 * by who did not take it. Null if neither says it, as for a record that never was an event.
 */
export function originOf({ type, destination }: Pick<DeadLetter, 'type' | 'destination'>): string | null {
  if (!type.startsWith('io.kandle.')) return null;
  const known = TOPIC_OF_TYPE.get(type);
  if (known !== undefined) return known;
  if (/\.raw\.v\d+$/.test(type)) return TOPICS.raw;
  return TOPIC_OF_DESTINATION.get(destination) ?? TOPICS.trades;
}
