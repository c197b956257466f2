import type { Moment } from '@kandle/market/feed/outage';

/** Moments of a feed by both of its clocks, now and as they were. */
export interface Moments {
  now(): Moment;
  /** A moment that has been, by the feed's time. */
  at(feedMs: number): Moment;
  /**
   * True if by either clock so much has passed since the last call that this process must have stood still: it
   * slept with its machine, was stopped, or had no turn. Called often, it costs little.
   */
  hasStoodStill(): boolean;
}

/** The clocks of a feed, milliseconds. */
export interface FeedClocks {
  readonly feedMs: () => number;
  readonly wallMs: () => number;
}

/** By how much the clocks must part for a new entry: more than NTP moves a clock in a moment. */
const STEP_MS = 250;
/** Entries kept: a clock that is drawn slowly gives one every few minutes. */
const MAX_STEPS = 1_000;

/** @param stillMs How long between two calls is a standstill. */
export function createMoments({ feedMs, wallMs }: FeedClocks, stillMs: number): Moments {
  /** How far the wall clock was ahead of the feed's time, and since when. */
  let steps = [{ sinceMs: feedMs(), aheadMs: wallMs() - feedMs() }];
  let last = now();

  function now(): Moment {
    const moment = { feedMs: feedMs(), wallMs: wallMs() };
    const aheadMs = moment.wallMs - moment.feedMs;
    if (Math.abs(aheadMs - (steps.at(-1)?.aheadMs ?? 0)) > STEP_MS) {
      steps.push({ sinceMs: moment.feedMs, aheadMs });
      if (steps.length > MAX_STEPS) steps = steps.slice(-MAX_STEPS / 2);
    }
    return moment;
  }

  return {
    now,
    at(momentMs) {
      const step = steps.findLast(({ sinceMs }) => sinceMs <= momentMs) ?? steps[0];
      return { feedMs: momentMs, wallMs: momentMs + (step?.aheadMs ?? 0) };
    },
    hasStoodStill() {
      const before = last;
      last = now();
      return Math.max(last.feedMs - before.feedMs, last.wallMs - before.wallMs) > stillMs;
    },
  };
}
