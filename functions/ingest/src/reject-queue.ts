import { feedSource } from '@kandle/market/batch-header';
import type { MarketEvent } from '@kandle/market/market-event';
import { formatRejects, type Reject, type RejectReason } from '@kandle/market/rejects';

/** Refused records and frames that wait to be sent. Bounded: the newest are lost, and counted, when it is full. */
export interface RejectQueue {
  /** @returns False if there was no room. */
  add(reason: RejectReason, detail: string, record: unknown): boolean;
  /** An event with the oldest rejects, for `market.rejects.v1`; null if there are none. They stay until taken off. */
  peek(): MarketEvent | null;
  /** Takes off what {@link RejectQueue.peek} showed. */
  takeOff(): void;
  size(): number;
}

/** Most rejects that wait: a feed gone mad must not fill the memory. A reject is at most about 16 KiB. */
const MAX_WAITING = 1_000;
/** Most rejects in an event, which stays below Kafka's 1 MiB at their longest. */
const MAX_PER_EVENT = 40;

/** An empty queue. Ids are `<epoch>:ingest:<n>`. */
export function createRejectQueue(feed: string, epoch: () => number): RejectQueue {
  let waiting: Reject[] = [];
  let shown = 0;
  let last = 0;

  return {
    add(reason, detail, record) {
      if (waiting.length >= MAX_WAITING) return false;
      last += 1;
      waiting.push({ id: `${epoch()}:ingest:${last}`, reason, detail, record });
      return true;
    },
    peek() {
      const group = waiting.slice(0, shown === 0 ? MAX_PER_EVENT : shown);
      const [first] = group;
      if (first === undefined) return null;
      shown = group.length;
      return formatRejects(first.id, feed, feedSource(`${feed}-00`), group);
    },
    takeOff() {
      waiting = waiting.slice(shown);
      shown = 0;
    },
    size: () => waiting.length,
  };
}
