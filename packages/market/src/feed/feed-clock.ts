import { windowDueMs, windowStartOf } from '../window/window.ts';

/** How a feed's time behaves. Durations in milliseconds. */
export interface FeedClockOptions {
  /** How far behind the newest event time a trade may still come in order. */
  readonly disorderMs: number;
  readonly graceMs: number;
  /**
   * Times the wall clock at which the feed plays: 1 for a live feed; Infinity for a replay as fast as it goes.
   */
  readonly speed: number;
}

/**
 * The feed clock of one shard: what its watermark is computed from.
 *
 * `maxEventTimeMs` was reached at `reachedAtMs` of a monotonic clock; `lastDueMs` is the watermark that closes
 * the last window holding a trade.
 */
export interface FeedClock {
  readonly maxEventTimeMs: number;
  readonly reachedAtMs: number;
  readonly lastDueMs: number;
  readonly watermarkMs: number;
}

/** The clock after a trade was seen at a monotonic time; `clock` is null before a shard's first trade. */
export function observeTrade(
  clock: FeedClock | null,
  eventTimeMs: number,
  monotonicMs: number,
  options: FeedClockOptions,
): FeedClock {
  const lastDueMs = Math.max(clock?.lastDueMs ?? 0, windowDueMs(windowStartOf(eventTimeMs), options.graceMs));
  if (clock !== null && eventTimeMs <= clock.maxEventTimeMs) return { ...clock, lastDueMs };
  const watermarkMs = Math.max(
    clock?.watermarkMs ?? Number.NEGATIVE_INFINITY,
    eventTimeMs - options.disorderMs,
  );
  return { maxEventTimeMs: eventTimeMs, reachedAtMs: monotonicMs, lastDueMs, watermarkMs };
}

/**
 * The clock moved on by time alone: by the monotonic time elapsed, times the speed, no further than the line
 * was proven alive, and at most to where the last window that holds a trade is due. It never goes back.
 *
 * @param aliveMs Monotonic time of the last frame of any kind.
 */
export function advanceClock(clock: FeedClock, aliveMs: number, options: FeedClockOptions): FeedClock {
  if (!Number.isFinite(options.speed)) return clock;
  const elapsedMs = Math.max(0, aliveMs - clock.reachedAtMs) * options.speed;
  const reached = Math.min(
    Math.floor(clock.maxEventTimeMs - options.disorderMs + elapsedMs),
    clock.lastDueMs,
  );
  return reached <= clock.watermarkMs ? clock : { ...clock, watermarkMs: reached };
}

/** The clock at the end of a feed that will send nothing more: every window that holds a trade is due. */
export function endClock(clock: FeedClock): FeedClock {
  return { ...clock, watermarkMs: Math.max(clock.watermarkMs, clock.lastDueMs) };
}

/** What {@link isTooFarAhead} judges by, beside the clock. */
export interface AheadOptions {
  readonly disorderMs: number;
  /** How far beyond the feed's own time an event time is still believed. */
  readonly aheadMs: number;
  /** Feed time that has passed since the clock's largest event time was reached, as far as the caller knows. */
  readonly passedMs: number;
}

/**
 * True if an event time is so far ahead of the shard's watermark that it must not move it.
 *
 * The watermark of a quiet shard stops when its last window is closed, while the feed's time runs on: the time
 * that has passed since counts too, or the first trade after a quiet night would be refused, and every one
 * after it.
 */
export function isTooFarAhead(
  clock: FeedClock,
  eventTimeMs: number,
  { disorderMs, aheadMs, passedMs }: AheadOptions,
): boolean {
  const feedTimeMs = Math.max(clock.watermarkMs, clock.maxEventTimeMs - disorderMs + passedMs);
  return eventTimeMs > feedTimeMs + aheadMs;
}
