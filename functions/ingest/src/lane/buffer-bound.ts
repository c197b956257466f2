import type { Logger } from '@kandle/runtime/log';
import type { Metrics } from '../metrics.ts';
import type { BatchGroup, Outbox } from './outbox.ts';

/** How much may wait to be sent. */
export interface BufferBoundOptions {
  readonly maxRecords: number;
  readonly maxBytes: number;
  /** A replay can wait: it is held back, and nothing is dropped. */
  readonly isReplay: boolean;
}

/** What waits, kept within its bound. */
export interface BufferBound {
  /** A record of so many bytes was buffered. */
  grow(bytes: number): void;
  /** A group was acknowledged. */
  shrink(group: BatchGroup): void;
  /** Brings what waits within the bound: holds a replay back, drops the oldest of a live feed. */
  enforce(): void;
  records(): number;
  /** True while a replay is held back. */
  isHeld(): boolean;
}

/** Builds the bound over an outbox. */
export function createBufferBound(
  { maxRecords, maxBytes, isReplay }: BufferBoundOptions,
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
      if (isReplay) {
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
