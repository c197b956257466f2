import type { FeedGap } from '@kandle/market/feed/feed-gap';
import type { RawRecord } from '@kandle/market/feed/raw-batch';
import { createWaitingWindows } from './waiting-windows.ts';

/**
 * Records of one shard that will leave together. Its sequence comes when it leaves, so that a dropped one takes
 * none.
 */
export interface SealedBatch {
  readonly kind: 'batch';
  readonly records: readonly RawRecord[];
  readonly bytes: number;
  readonly watermarkMs: number;
  /** Monotonic time of its first record. */
  readonly openedAtMs: number;
  /** Smallest and largest event time of its records. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** What leaves a shard's buffer, in order. */
export type Outgoing = SealedBatch | { readonly kind: 'gap'; readonly gap: FeedGap };

/** How batches are made. A record alone may be longer than a batch. */
export interface BatchOptions {
  readonly maxTrades: number;
  readonly maxBatchBytes: number;
  /** How long after its end a window stays open. */
  readonly graceMs: number;
}

/** Where a record stands: its length as JSON, its times, and the shard's watermark right after it. */
export interface RecordPlace {
  readonly bytes: number;
  readonly eventTimeMs: number;
  readonly monotonicMs: number;
  readonly watermarkMs: number;
}

/** What waits to be sent of one shard: sealed batches and gaps in order, then one batch still open. */
export interface ShardBuffer {
  /**
   * Adds a record to the open batch. A batch that is full, or that would span more market time than it may, is
   * sealed with the watermark after its own last record.
   */
  append(record: RawRecord, place: RecordPlace): void;
  /** Ends the open batch, if there is one. */
  seal(watermarkMs: number): void;
  /** Makes a batch, even without a record, if the watermark closes a window that still waits for one. */
  closeDue(watermarkMs: number, monotonicMs: number): void;
  /**
   * A trade was read back: its window waits for a batch, unless one read back after it
   * {@link ShardBuffer.cover}s it.
   */
  hold(eventTimeMs: number): void;
  /** A batch with this watermark was read back. */
  cover(watermarkMs: number): void;
  addGap(gap: FeedGap): void;
  /** The next thing to leave, if it is sealed. */
  peek(): Outgoing | undefined;
  shift(): void;
  /** Monotonic time of the open batch's first record; undefined if it has none. */
  openedAtMs(): number | undefined;
  /** Monotonic time of the oldest record in the buffer; undefined if there is none. */
  oldestAtMs(): number | undefined;
  /**
   * Gives up the oldest batch that has records, and leaves a gap in their place. An empty batch stays, so that
   * the windows that its watermark closes are still closed.
   *
   * @returns What was dropped; undefined if there is no record.
   */
  dropOldest(): SealedBatch | undefined;
}

/**
 * Most market time in a batch, by the watermark: a third of the horizon, so that a recording of a thin market
 * is not one batch, and its windows close on the way.
 */
const BATCH_SPAN_MS = 300_000;

/** An empty buffer of a shard. */
export function createShardBuffer(shard: string, options: BatchOptions): ShardBuffer {
  const { maxTrades, maxBatchBytes, graceMs } = options;
  const waiting = createWaitingWindows(graceMs);
  let items: Outgoing[] = [];
  let head = 0;
  let overflow: FeedGap | null = null;
  let open: RawRecord[] = [];
  let openBytes = 0;
  let openedAt = 0;
  let openWatermarkMs = 0;
  let firstWatermarkMs = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;

  /** All that was held goes with this batch or went before it. */
  function push(watermarkMs: number, openedAtMs: number): void {
    items.push({ kind: 'batch', records: open, bytes: openBytes, watermarkMs, openedAtMs, fromMs, toMs });
    waiting.cover(watermarkMs);
    open = [];
    openBytes = 0;
    fromMs = Number.POSITIVE_INFINITY;
    toMs = 0;
  }

  function seal(watermarkMs: number): void {
    if (open.length > 0) push(watermarkMs, openedAt);
  }

  /**
   * Position of the oldest sealed batch with records; at most one empty batch and a few gaps come before it.
   */
  function oldestIndex(): number {
    let index = head;
    for (let item = items[index]; item !== undefined; item = items[++index]) {
      if (item.kind === 'batch' && item.records.length > 0) return index;
    }
    return -1;
  }

  return {
    append(record, { bytes, eventTimeMs, monotonicMs, watermarkMs }) {
      if (openBytes + bytes > maxBatchBytes || watermarkMs - firstWatermarkMs > BATCH_SPAN_MS) {
        seal(openWatermarkMs);
      }
      if (open.length === 0) {
        openedAt = monotonicMs;
        firstWatermarkMs = watermarkMs;
      }
      open.push(record);
      openBytes += bytes;
      openWatermarkMs = watermarkMs;
      fromMs = Math.min(fromMs, eventTimeMs);
      toMs = Math.max(toMs, eventTimeMs);
      waiting.hold(eventTimeMs);
      if (open.length >= maxTrades) seal(watermarkMs);
    },
    seal,
    closeDue(watermarkMs, monotonicMs) {
      if (waiting.isDue(watermarkMs)) push(watermarkMs, open.length > 0 ? openedAt : monotonicMs);
    },
    hold: (eventTimeMs) => waiting.hold(eventTimeMs),
    cover: (watermarkMs) => waiting.cover(watermarkMs),
    addGap(gap) {
      const last = items.at(-1);
      const follows = items.length > head && open.length === 0 && last?.kind === 'gap';
      if (follows && last.gap.fromMs === gap.fromMs && last.gap.reason === gap.reason) items.pop();
      seal(openWatermarkMs);
      items.push({ kind: 'gap', gap });
    },
    peek: () => (overflow === null ? items[head] : { kind: 'gap', gap: overflow }),
    shift() {
      if (overflow !== null) {
        overflow = null;
        return;
      }
      if (head < items.length) head += 1;
      if (head === items.length) {
        items = [];
        head = 0;
      } else if (head >= 1_024 && head * 2 >= items.length) {
        items = items.slice(head);
        head = 0;
      }
    },
    openedAtMs: () => (open.length === 0 ? undefined : openedAt),
    oldestAtMs() {
      const item = items[oldestIndex()];
      if (item?.kind === 'batch') return item.openedAtMs;
      return open.length === 0 ? undefined : openedAt;
    },
    dropOldest() {
      if (oldestIndex() < 0) seal(openWatermarkMs);
      const index = oldestIndex();
      const batch = items[index];
      if (batch?.kind !== 'batch') return undefined;
      overflow = {
        shard,
        fromMs: Math.min(overflow?.fromMs ?? batch.fromMs, batch.fromMs),
        toMs: Math.max(overflow?.toMs ?? batch.toMs, batch.toMs),
        reason: 'buffer_overflow',
        droppedRecords: (overflow?.droppedRecords ?? 0) + batch.records.length,
      };
      items[index] = { ...batch, records: [], bytes: 0 };
      // Gaps before it move up to it, over the empty batch that an earlier drop left.
      let to = index;
      for (let from = index - 1; from >= head; from--) {
        const item = items[from];
        if (item?.kind === 'gap') items[--to] = item;
      }
      head = to;
      return batch;
    },
  };
}
