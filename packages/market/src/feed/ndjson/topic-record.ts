import type { FeedFrame } from '../feed-frame.ts';
import { parseNdjsonLine } from './frame.ts';
import { isSampled, type NdjsonMapping } from './mapping.ts';

/**
 * Reads a record of a topic as {@link parseNdjsonLine} does a line. A trade that has no id of its own gets its
 * place in the topic for one: that is the same whenever the record is read.
 *
 * @param place Partition and offset, `3:1764`.
 */
export function parseTopicRecord(text: string, mapping: NdjsonMapping, place: string): FeedFrame {
  const frame = parseNdjsonLine(text, mapping);
  if (frame.kind !== 'trade' || isSampled(mapping)) return frame;
  const isOne = frame.entries.length === 1;
  const entries = frame.entries.map((entry, index) => ({
    i: isOne ? place : `${place}:${index}`,
    ...Object(entry),
  }));
  return { kind: 'trade', entries };
}
