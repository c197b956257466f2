import { feedSource } from '@kandle/market/event/batch-header';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRejects, type Reject, type RejectReason } from '@kandle/market/event/rejects';

/** Refused records and frames that wait to be sent. Bounded: the newest are lost, and counted, when it is full. */
export interface RejectQueue {
  /** @returns False if there was no room. */
  add(reason: RejectReason, detail: string, record: unknown): boolean;
  /**
   * Events with the oldest rejects first, for `market.rejects.v1`, until there are none. Those of an event are taken off
   * when the next one is asked for.
   */
  take(): Iterable<MarketEvent>;
  size(): number;
}

/** Most rejects that wait: a feed gone mad must not fill the memory. A reject is at most about 16 KiB. */
const MAX_WAITING = 1_000;
/** Most rejects in an event, which stays below Kafka's 1 MiB at their longest. */
const MAX_PER_EVENT = 40;

/** An empty queue. Ids are `<epoch>:ingest:<n>`. */
export function createRejectQueue(feed: string, epoch: () => number): RejectQueue {
  let waiting: Reject[] = [];
  let last = 0;

  return {
    add(reason, detail, record) {
      if (waiting.length >= MAX_WAITING) return false;
      last += 1;
      waiting.push({ id: `${epoch()}:ingest:${last}`, reason, detail, record });
      return true;
    },
    *take() {
      for (let [first] = waiting; first !== undefined; [first] = waiting) {
        const group = waiting.slice(0, MAX_PER_EVENT);
        yield formatRejects(first.id, feed, feedSource(`${feed}-00`), group);
        waiting = waiting.slice(group.length);
      }
    },
    size: () => waiting.length,
  };
}
