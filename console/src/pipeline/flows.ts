import { TOPICS } from '@kandle/market/event/topics';
import type { SourceFacts } from './run-facts.ts';

/** A topic that joins two parts of the picture. */
type Carried = 'raw' | 'trades' | 'candles' | 'signals';

/** What flows from one part of the picture to another. */
export interface Flow {
  readonly from: string;
  readonly to: string;
  /** Through which topic; null where it is none. */
  readonly topic: Carried | null;
  /** The source that carries it; null where it is none. */
  readonly source: string | null;
}

/** Which part writes a topic. Who reads it, the sources of a run say. */
export const WRITERS: Readonly<Record<Carried, string>> = {
  raw: 'ingest',
  trades: 'transform',
  candles: 'aggregate',
  signals: 'signal',
};
/** What no source carries. */
const WITHOUT_SOURCE: readonly Flow[] = [
  { from: 'feed', to: 'ingest', topic: null, source: null },
  { from: 'persist', to: 'query', topic: null, source: null },
  { from: 'query', to: 'console', topic: null, source: null },
];

/**
 * The arrows of the picture, as the sources of a run have them. A topic that no part of the picture writes has
 * no arrow: lists of instruments come once a day, from beside the flow.
 */
export function flowsOf(sources: readonly Pick<SourceFacts, 'name' | 'topic' | 'sink'>[]): readonly Flow[] {
  return [...WITHOUT_SOURCE, ...sources.flatMap(flowOf)];
}

function flowOf({ name, topic, sink }: Pick<SourceFacts, 'name' | 'topic' | 'sink'>): readonly Flow[] {
  // Tests have something before the topics' names.
  const carried = (Object.keys(WRITERS) as Carried[]).find((one) => topic.endsWith(TOPICS[one]));
  return carried === undefined ? [] : [{ from: WRITERS[carried], to: sink, topic: carried, source: name }];
}
