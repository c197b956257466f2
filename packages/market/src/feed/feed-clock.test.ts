import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  advanceClock,
  endClock,
  type FeedClock,
  type FeedClockOptions,
  isTooFarAhead,
  observeTrade,
} from './feed-clock.ts';

const START_MS = 1_764_000_000_000;
const AHEAD = { disorderMs: 500, aheadMs: 900_000 };
const LIVE: FeedClockOptions = { disorderMs: 500, graceMs: 2_000, speed: 1 };

const options: fc.Arbitrary<FeedClockOptions> = fc.record({
  disorderMs: fc.constantFrom(0, 1, 500, 6_000),
  graceMs: fc.constantFrom(0, 2_000),
  speed: fc.constantFrom(1, 0.3, 60, Number.POSITIVE_INFINITY),
});

/** What a shard's line does: a trade comes, or a frame of any kind proves it alive. */
interface Step {
  readonly kind: 'trade' | 'alive';
  readonly eventTimeMs: number;
  readonly monotonicMs: number;
}

/**
 * Steps in monotonic time, beginning with a trade; event times tie, run back, and lie at the windows' edges.
 */
const histories: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('trade', 'alive'),
      eventTimeMs: fc.oneof(fc.constantFrom(0, 1, 4_999, 5_000, 10_000), fc.integer({ min: 0, max: 30_000 })),
      afterMs: fc.oneof(
        fc.constant(0),
        fc.integer({ min: 0, max: 3_000 }).map((halves) => halves / 2),
      ),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((steps) => {
    let monotonicMs = 1_000;
    return steps.map(({ kind, eventTimeMs, afterMs }, index): Step => {
      monotonicMs += afterMs;
      return { kind: index === 0 ? 'trade' : kind, eventTimeMs: START_MS + eventTimeMs, monotonicMs };
    });
  });

function clocks(steps: readonly Step[], options: FeedClockOptions): readonly FeedClock[] {
  let clock: FeedClock | null = null;
  const seen: FeedClock[] = [];
  for (const { kind, eventTimeMs, monotonicMs } of steps) {
    clock =
      kind === 'trade' || clock === null
        ? observeTrade(clock, eventTimeMs, monotonicMs, options)
        : advanceClock(clock, monotonicMs, options);
    seen.push(clock);
  }
  return seen;
}

/** The watermark after a history, by the words of the design's section 5, from the whole history at once. */
function watermarkByDefinition(
  steps: readonly Step[],
  { disorderMs, graceMs, speed }: FeedClockOptions,
): number {
  const candidates = steps.map((step, index) => {
    const past = steps.slice(0, index + 1).filter(({ kind }) => kind === 'trade');
    const largest = Math.max(...past.map(({ eventTimeMs }) => eventTimeMs));
    if (step.kind === 'trade' || speed === Number.POSITIVE_INFINITY) return largest - disorderMs;
    const reachedAtMs = past.find(({ eventTimeMs }) => eventTimeMs === largest)?.monotonicMs ?? 0;
    const lastEnd = Math.max(...past.map(({ eventTimeMs }) => (Math.floor(eventTimeMs / 5_000) + 1) * 5_000));
    return Math.min(
      Math.floor(largest - disorderMs + (step.monotonicMs - reachedAtMs) * speed),
      lastEnd + graceMs,
    );
  });
  return Math.max(...candidates);
}

test('the watermark equals its definition, when trades and frames come in any order', () => {
  fc.assert(
    fc.property(histories, options, (steps, options) => {
      expect(clocks(steps, options).at(-1)?.watermarkMs).toBe(watermarkByDefinition(steps, options));
    }),
    { numRuns: 1_000 },
  );
});

test('the watermark never goes back, is whole, and stays within its bounds, when trades and frames come in any order', () => {
  fc.assert(
    fc.property(histories, options, (steps, options) => {
      let before = Number.NEGATIVE_INFINITY;
      for (const clock of clocks(steps, options)) {
        expect(clock.watermarkMs).toBeGreaterThanOrEqual(before);
        expect(Number.isSafeInteger(clock.watermarkMs)).toBe(true);
        expect(clock.watermarkMs).toBeGreaterThanOrEqual(clock.maxEventTimeMs - options.disorderMs);
        expect(clock.watermarkMs).toBeLessThanOrEqual(clock.lastDueMs);
        before = clock.watermarkMs;
      }
    }),
  );
});

test('endClock() makes every window that holds a trade due, when the feed ends', () => {
  fc.assert(
    fc.property(histories, options, (steps, options) => {
      const clock = clocks(steps, options).at(-1);
      if (clock === undefined) return;
      const ended = endClock(clock);
      expect(ended).toEqual({ ...clock, watermarkMs: clock.lastDueMs });
      expect(endClock(ended)).toEqual(ended);
    }),
  );
});

test('observeTrade() keeps the watermark and moves only the last due window, when the trade is late', () => {
  const clock = observeTrade(null, START_MS + 7_000, 10, LIVE);
  expect(observeTrade(clock, START_MS + 7_000, 99, LIVE)).toEqual(clock);
  expect(observeTrade(clock, START_MS + 1_000, 99, LIVE)).toEqual(clock);
  expect(clock).toEqual({
    maxEventTimeMs: START_MS + 7_000,
    reachedAtMs: 10,
    lastDueMs: START_MS + 12_000,
    watermarkMs: START_MS + 6_500,
  });
});

test('observeTrade() does not lower the watermark, when time alone had moved it further', () => {
  const advanced = advanceClock(observeTrade(null, START_MS, 0, LIVE), 4_000, LIVE);
  expect(advanced.watermarkMs).toBe(START_MS + 3_500);
  expect(observeTrade(advanced, START_MS + 1_000, 4_001, LIVE).watermarkMs).toBe(START_MS + 3_500);
});

test('advanceClock() stops where the last window is due, when the line stays quiet for long', () => {
  const clock = observeTrade(null, START_MS, 0, LIVE);
  expect(advanceClock(clock, 1e9, LIVE).watermarkMs).toBe(START_MS + 7_000);
});

test('advanceClock() returns the clock itself, when it proves nothing new or time does not move it', () => {
  const clock = observeTrade(null, START_MS, 1_000, LIVE);
  expect(advanceClock(clock, 1_000, LIVE)).toBe(clock);
  expect(advanceClock(clock, 0, LIVE)).toBe(clock);
  expect(advanceClock(clock, 9_000, { ...LIVE, speed: Number.POSITIVE_INFINITY })).toBe(clock);
});

test('isTooFarAhead() is true, when the time is beyond the later of the watermark and the feed time passed', () => {
  const clock = observeTrade(null, START_MS, 0, LIVE);
  const limit = START_MS - 500 + 900_000;
  expect(isTooFarAhead(clock, limit, { ...AHEAD, passedMs: 0 })).toBe(false);
  expect(isTooFarAhead(clock, limit + 1, { ...AHEAD, passedMs: 0 })).toBe(true);
  expect(isTooFarAhead(clock, limit + 60_000, { ...AHEAD, passedMs: 60_000 })).toBe(false);
  expect(isTooFarAhead(clock, limit + 60_001, { ...AHEAD, passedMs: 60_000 })).toBe(true);
  expect(isTooFarAhead(endClock(clock), START_MS + 7_000 + 900_000, { ...AHEAD, passedMs: 0 })).toBe(false);
  expect(isTooFarAhead(endClock(clock), START_MS + 7_000 + 900_001, { ...AHEAD, passedMs: 0 })).toBe(true);
});
