/**
 * A moment by two clocks, milliseconds: the feed's own time (live, a monotonic clock) and the wall clock.
 * Neither is right alone: a monotonic clock may not count while a machine sleeps, and a wall clock can be set.
 */
export interface Moment {
  readonly feedMs: number;
  readonly wallMs: number;
}

/** What the gap of a shard is computed from: its newest event time, and when that was reached. */
export interface LastSeen {
  readonly maxEventTimeMs: number;
  readonly reached: Moment;
}

/** When a feed was away: from the last proof that its line was alive until it was back. */
export interface Outage {
  readonly alive: Moment;
  readonly back: Moment;
}

/** A range of event time, both ends included. */
export interface EventSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The range of event time that a shard may lack after an outage: from where its time was when the line was last
 * alive, less the disorder, for what was still under way may be that old, to where it is now.
 *
 * Where the clocks do not agree on how much time has passed, the gap is as long as either says: it begins by
 * the one that counted less, and ends by the one that counted more.
 */
export function outageSpan(
  { maxEventTimeMs, reached }: LastSeen,
  { alive, back }: Outage,
  disorderMs: number,
): EventSpan {
  const quietMs = Math.max(0, Math.floor(Math.min(...passedMs(reached, alive))));
  const awayMs = Math.max(quietMs, Math.floor(Math.max(...passedMs(reached, back))));
  return { fromMs: maxEventTimeMs + quietMs - disorderMs, toMs: maxEventTimeMs + awayMs };
}

function passedMs(from: Moment, to: Moment): readonly [byFeedMs: number, byWallMs: number] {
  return [to.feedMs - from.feedMs, to.wallMs - from.wallMs];
}

/**
 * What a shard's first trade after an outage says: its event time, and when it was reached by the feed's time.
 */
export interface FirstSeen {
  readonly maxEventTimeMs: number;
  readonly reachedAtMs: number;
}

/**
 * Where the shard's event time was when the feed came back, by the first trade after that: what was not known
 * by any clock, when a machine that slept has not set its clock yet, or begins with a slow one.
 */
export function eventTimeAtReturn({ maxEventTimeMs, reachedAtMs }: FirstSeen, back: Moment): number {
  return Math.floor(maxEventTimeMs - Math.max(0, reachedAtMs - back.feedMs));
}
