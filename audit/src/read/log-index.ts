import { EVENT_TYPES } from '@kandle/market/event/topics';
import { type BatchName, isBefore } from '../values/sequences.ts';
import { readBatchName, type TopicEvent } from './raw-batch.ts';
import type { OffsetRange, TopicReader } from './topic-reader.ts';

/** Where in the raw topic a shard is. */
export interface ShardPlace {
  /** The partition with most of its batches, and every one that has any of them, or of its gaps. */
  readonly home: number;
  readonly partitions: readonly number[];
  /** Its first batch that has no hole behind it at once, and its watermark; null if no batch tells the time. */
  readonly first: (BatchName & { readonly watermarkMs: number }) | null;
  /** One of its partitions no longer begins with its first record. */
  readonly isCut: boolean;
}

/** What must be known of the raw topic before its batches are judged. */
export interface LogIndex {
  readonly places: ReadonlyMap<string, ShardPlace>;
  /** Events that stand in another partition than their shard's own, by the latter; by epoch and sequence. */
  readonly strays: ReadonlyMap<number, readonly TopicEvent[]>;
}

/** Most stray events that are held. */
const MAX_STRAYS = 100_000;

/**
 * Batches of a shard in one partition whose numbers follow each other, in the order in which they stand there.
 */
interface Sequel {
  readonly first: BatchName & { readonly watermarkMs: number };
  last: BatchName;
}

/** What one partition has of a shard: how many events, and its first two sequels. */
interface Found {
  events: number;
  readonly sequels: Sequel[];
}

/**
 * Looks where each shard is, by the attributes of the events alone.
 *
 * @throws {RetryableError} If the broker is not to be had.
 * @throws {RangeError} If more events stray than can be held.
 */
export async function readLogIndex(reader: TopicReader, ranges: readonly OffsetRange[]): Promise<LogIndex> {
  const shards = new Map<string, Map<number, Found>>();
  for (const range of ranges) {
    await reader.read(range, (event) => {
      const shard = shardOf(event);
      if (shard === null) return undefined;
      const partitions = shards.get(shard) ?? new Map<number, Found>();
      shards.set(shard, partitions);
      const found = partitions.get(event.partition) ?? { events: 0, sequels: [] };
      partitions.set(event.partition, found);
      found.events += 1;
      noteSequel(found.sequels, event);
      return undefined;
    });
  }
  const places = new Map([...shards].map(([shard, partitions]) => [shard, placeOf(partitions, ranges)]));
  const astray = new Set(
    [...places.values()].flatMap(({ home, partitions }) => partitions.filter((other) => other !== home)),
  );
  const strays = new Map<number, TopicEvent[]>();
  let count = 0;
  for (const range of ranges.filter(({ partition }) => astray.has(partition))) {
    await reader.read(range, (event) => {
      const place = places.get(shardOf(event) ?? '');
      if (place === undefined || place.home === event.partition) return undefined;
      if ((count += 1) > MAX_STRAYS)
        throw new RangeError(
          `Cannot audit: more than ${MAX_STRAYS} events stand in another partition than their shard's own`,
        );
      strays.set(place.home, [...(strays.get(place.home) ?? []), event]);
      return undefined;
    });
  }
  for (const events of strays.values()) events.sort(byName);
  return { places, strays };
}

/** The shard of an event that belongs to one: a batch of trades, or a gap. */
export function shardOf({ attributes }: TopicEvent): string | null {
  const isKnown = attributes['type'] === EVENT_TYPES.rawTrades || attributes['type'] === EVENT_TYPES.feedGap;
  return isKnown ? (attributes['shard'] ?? null) : null;
}

/**
 * A batch of refused records that were redriven has watermark 0, numbers of its own, and tells nothing of the
 * log.
 */
function noteSequel(sequels: Sequel[], event: TopicEvent): void {
  const batch = readBatchName(event);
  if (batch === null || batch.watermarkMs === 0) return;
  const open = sequels.at(-1);
  if (open?.last.epoch === batch.epoch && open.last.sequence + 1 === batch.sequence)
    open.last = { epoch: batch.epoch, sequence: batch.sequence };
  else if (sequels.length < 2) sequels.push({ first: batch, last: batch });
}

function placeOf(partitions: ReadonlyMap<number, Found>, ranges: readonly OffsetRange[]): ShardPlace {
  const byEvents = [...partitions].toSorted(([, a], [, b]) => b.events - a.events);
  const home = byEvents[0]?.[0] ?? 0;
  const isCut = ranges.some(({ partition, from }) => from > 0 && partitions.has(partition));
  const [first, second] = partitions.get(home)?.sequels ?? [];
  // A batch that was redriven may outlive those that once stood before and behind it.
  const isLeftOver =
    isCut &&
    first !== undefined &&
    second !== undefined &&
    first.last.epoch === second.first.epoch &&
    isBefore(first.last, second.first);
  return {
    home,
    partitions: [...partitions.keys()].toSorted((a, b) => a - b),
    first: (isLeftOver ? second.first : first?.first) ?? null,
    isCut,
  };
}

function byName(a: TopicEvent, b: TopicEvent): number {
  const [left, right] = [readBatchName(a), readBatchName(b)];
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  return isBefore(left, right) ? -1 : isBefore(right, left) ? 1 : 0;
}
