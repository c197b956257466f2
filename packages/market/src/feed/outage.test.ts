import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { eventTimeAtReturn, outageSpan } from './outage.ts';

const DISORDER_MS = 1_000;
/** The wall clock is this much ahead of the feed's time, where nothing else is said. */
const WALL_MS = 1_000_000;
const at = (feedMs: number, wallMs = feedMs + WALL_MS) => ({ feedMs, wallMs });
const seen = { maxEventTimeMs: 1_000_000, reached: at(500) };

test.each([
  [
    'a busy shard: from its last event, less the disorder',
    { alive: at(600), back: at(10_500) },
    { fromMs: 999_100, toMs: 1_010_000 },
  ],
  [
    'a quiet shard: from where the feed was, less the disorder',
    { alive: at(60_500), back: at(70_500) },
    { fromMs: 1_059_000, toMs: 1_070_000 },
  ],
  ['a feed whose time stood still', { alive: at(500), back: at(500) }, { fromMs: 999_000, toMs: 1_000_000 }],
  [
    'a machine that slept for ten minutes: the monotonic clock counted four seconds',
    { alive: at(600), back: at(4_500, 603_500 + WALL_MS) },
    { fromMs: 999_100, toMs: 1_603_000 },
  ],
  [
    'a quiet shard on a machine that slept before, and whose line held',
    { alive: at(60_500, 660_500 + WALL_MS), back: at(70_500, 670_500 + WALL_MS) },
    { fromMs: 1_059_000, toMs: 1_670_000 },
  ],
  [
    'a wall clock that was set back by an hour while the line was down',
    { alive: at(600), back: at(10_500, 10_500 + WALL_MS - 3_600_000) },
    { fromMs: 999_100, toMs: 1_010_000 },
  ],
  [
    'a wall clock that was set back by an hour before',
    { alive: at(60_500, WALL_MS), back: at(70_500, 10_000 + WALL_MS) },
    { fromMs: 999_000, toMs: 1_070_000 },
  ],
])('outageSpan() is right for %s', (_, outage, span) => {
  expect(outageSpan(seen, outage, DISORDER_MS)).toEqual(span);
});

test('outageSpan() covers the outage by either clock, whatever the two say', () => {
  const steps = fc.tuple(fc.nat(1_000_000), fc.integer({ min: -4_000_000, max: 4_000_000 }));
  fc.assert(
    fc.property(steps, steps, ([quietMs, quietWallMs], [awayMs, awayWallMs]) => {
      const alive = at(500 + quietMs, seen.reached.wallMs + quietWallMs);
      const back = at(alive.feedMs + awayMs, alive.wallMs + awayWallMs);
      const { fromMs, toMs } = outageSpan(seen, { alive, back }, DISORDER_MS);
      expect(fromMs).toBeLessThanOrEqual(toMs);
      // Whichever clock is right: no trade came after `alive`, and those from `back` on come again.
      for (const clock of ['feedMs', 'wallMs'] as const) {
        const eventTimeOf = (moment: typeof alive) =>
          seen.maxEventTimeMs + moment[clock] - seen.reached[clock];
        if (alive[clock] < seen.reached[clock] || back[clock] < alive[clock]) continue;
        expect(fromMs).toBeLessThanOrEqual(eventTimeOf(alive) - DISORDER_MS);
        expect(toMs).toBeGreaterThanOrEqual(eventTimeOf(back));
      }
    }),
  );
});

test('eventTimeAtReturn() is the first event time, less what has passed since the feed came back', () => {
  expect(eventTimeAtReturn({ maxEventTimeMs: 5_000_000, reachedAtMs: 2_000 }, at(500))).toBe(4_998_500);
  expect(eventTimeAtReturn({ maxEventTimeMs: 5_000_000, reachedAtMs: 400 }, at(500))).toBe(5_000_000);
});
