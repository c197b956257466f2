import { EVENT_TYPES } from '@kandle/market/event/topics';

/** An event of the raw log, as far as it tells where the log of its shard begins. */
export interface SeenEvent {
  readonly partition: number;
  /** Its attributes without `ce_`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** Which shards lack batches that a stretch of time needs. */
export interface CutShards {
  /** In the order of their partition. */
  see(event: SeenEvent): void;
  /** Shards of whose batches some may have been cut off, by name. */
  shards(): readonly string[];
}

/** A trade may stand this far before the watermark of its batch, and in windows from there on. */
const DISORDER_MS = 60_000;

/**
 * Nothing seen yet. A shard is cut if the first batch that the log has of it says that there were others after
 * the beginning of the stretch; what was redriven or brought afterwards says nothing of that.
 *
 * @param cutPartitions Those of which the log no longer has its beginning.
 */
export function createCutShards(cutPartitions: readonly number[], fromMs: number): CutShards {
  const begun = new Set<string>();
  const cut = new Set<string>();
  return {
    see({ partition, attributes }) {
      const { type, shard, watermark, watermarkbefore: before = watermark } = attributes;
      if (type !== EVENT_TYPES.rawTrades || shard === undefined || Number(watermark) === 0) return;
      if (begun.has(shard)) return;
      begun.add(shard);
      if (cutPartitions.includes(partition) && Number(before) > fromMs - DISORDER_MS) cut.add(shard);
    },
    shards: () => [...cut].toSorted(),
  };
}
