import { feedSource } from '@kandle/market/event/batch-header';
import { formatRejects, type Reject } from '@kandle/market/event/rejects';
import type { Group, LaneSource } from './lane.ts';

/**
 * Refused records and frames that wait to be sent. Bounded: the newest are lost, and counted, when it is full.
 */
export interface RejectQueue extends LaneSource<Group> {
  /** @returns False if there was no room. */
  add(reject: Omit<Reject, 'id'>, monotonicMs: number): boolean;
  /** Number of rejects that wait, without those under way. */
  size(): number;
}

/** Most rejects that wait: a feed gone mad must not fill the memory. A reject is at most about 16 KiB. */
const MAX_WAITING = 1_000;
/** Most rejects in an event, which stays below Kafka's 1 MiB at their longest. */
const MAX_PER_EVENT = 40;

/**
 * An empty queue. Ids are `<epoch>:ingest:<n>`.
 *
 * @param gatherMs How long the first that waits lets others gather.
 */
export function createRejectQueue(feed: string, gatherMs: number): RejectQueue {
  let waiting: { readonly number: number; readonly reject: Omit<Reject, 'id'> }[] = [];
  let firstAtMs = 0;
  let last = 0;

  const readyAtMs = () => (waiting.length === 0 ? undefined : firstAtMs + gatherMs);

  return {
    add(reject, monotonicMs) {
      if (waiting.length >= MAX_WAITING) return false;
      if (waiting.length === 0) firstAtMs = monotonicMs;
      last += 1;
      waiting.push({ number: last, reject });
      return true;
    },
    take({ epoch, monotonicMs }, everything) {
      const dueMs = readyAtMs();
      if (dueMs === undefined || (!everything && dueMs > monotonicMs)) return null;
      const rejects = waiting
        .slice(0, MAX_PER_EVENT)
        .map(({ number, reject }) => ({ id: `${epoch}:ingest:${number}`, ...reject }));
      waiting = waiting.slice(rejects.length);
      return { events: [formatRejects(rejects[0]?.id ?? '', feed, feedSource(`${feed}-00`), rejects)] };
    },
    readyAtMs,
    size: () => waiting.length,
  };
}
