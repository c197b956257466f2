import type { Logger } from '@kandle/runtime/log';
import type { Metrics } from '../metrics.ts';
import type { BatchGroup, Outbox } from './outbox.ts';

/** How much may wait to be sent. */
export interface BufferBoundOptions {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** The feed can wait, as a replay or a topic can: it is held back, and nothing is dropped. */
  readonly canWait: boolean;
}

/** What waits, kept within its bound. */
export interface BufferBound {
  /** A record of so many bytes was buffered. */
  grow(bytes: number): void;
  /** A group was acknowledged. */
  shrink(group: BatchGroup): void;
  /** Brings what waits within the bound: holds back a feed that can wait, drops the oldest of any other. */
  enforce(): void;
  records(): number;
  /** True while the feed is held back. */
  isHeld(): boolean;
}

/** Builds the bound over an outbox. */
export function createBufferBound(
  { maxRecords, maxBytes, canWait }: BufferBoundOptions,
  deps: {
    readonly outbox: Pick<Outbox, 'dropOldest'>;
    readonly metrics: Metrics;
    readonly log: Logger;
    readonly hold: () => void;
    readonly release: () => void;
  },
): BufferBound {
  const { outbox, metrics, log, hold, release } = deps;
  let records = 0;
  let bytes = 0;
  let isHeld = false;
  /** Records dropped in this episode, which ends when the broker acknowledges something. */
  let dropping = 0;

  return {
    grow(recordBytes) {
      records += 1;
      bytes += recordBytes;
    },
    shrink(group) {
      records -= group.records;
      bytes -= group.bytes;
      if (dropping > 0) log.info({ dropped: dropping }, 'buffer has room again');
      dropping = 0;
      if (isHeld && records <= maxRecords / 2 && bytes <= maxBytes / 2) {
        isHeld = false;
        release();
      }
    },
    enforce() {
      if (canWait) {
        if (isHeld || (records < maxRecords && bytes < maxBytes)) return;
        isHeld = true;
        hold();
        return;
      }
      while (records > maxRecords || bytes > maxBytes) {
        const batch = outbox.dropOldest();
        // The rest is under way.
        if (batch === undefined) return;
        if (dropping === 0) log.warn({ buffered: records }, 'buffer is full: the oldest records are dropped');
        dropping += batch.records.length;
        metrics.dropped += batch.records.length;
        records -= batch.records.length;
        bytes -= batch.bytes;
      }
    },
    records: () => records,
    isHeld: () => isHeld,
  };
}
