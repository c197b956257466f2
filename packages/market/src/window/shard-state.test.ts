import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addSpan, type GapSpan, touchesGap } from './gap-spans.ts';
import {
  ABSENT_SHARD,
  dueLimitMs,
  dueWindows,
  gapWindows,
  noteGap,
  registerWindows,
  takeOffOpen,
  type ShardState,
  withoutDone,
} from './shard-state.ts';

const WINDOW_MS = 5_000;
const starts = fc.integer({ min: 0, max: 8 }).map((index) => index * WINDOW_MS);
const startLists = fc.uniqueArray(starts, { maxLength: 6 });
const gaps: fc.Arbitrary<GapSpan> = fc
  .tuple(fc.nat(45_000), fc.nat(15_000))
  .map(([fromMs, length]) => [fromMs, fromMs + length]);
const shards: fc.Arbitrary<ShardState> = fc.record({
  gaps: fc.option(gaps).map((gap) => (gap === null ? [] : [gap])),
  version: fc.nat(3),
  closedToMs: fc.option(starts),
  open: startLists.map((open) => open.toSorted((a, b) => a - b)),
});
const watermarks = fc.oneof(
  fc.integer({ min: 0, max: 60_000 }),
  fc
    .tuple(starts, fc.integer({ min: -1, max: 1 }))
    .map(([startMs, offset]) => startMs + WINDOW_MS + 2_000 + offset),
);
const graces = fc.constantFrom(0, 2_000, 5_000, 7_500);

test('registerWindows() is the union in ascending order, when windows are added', () => {
  fc.assert(
    fc.property(shards, fc.array(starts, { maxLength: 6 }), (shard, added) => {
      const isNew = added.some((startMs) => !shard.open.includes(startMs));
      const open = [...new Set([...shard.open, ...added])].toSorted((a, b) => a - b);
      expect(registerWindows(shard, added, null)).toEqual(
        isNew ? { ...shard, version: shard.version + 1, open } : null,
      );
    }),
  );
});

test('registerWindows() takes off what is done, only when it adds something', () => {
  fc.assert(
    fc.property(shards, starts, startLists, starts, (shard, added, closed, limitMs) => {
      const left = shard.open.filter((startMs) => !closed.includes(startMs));
      const open = [...new Set([...left, added])].toSorted((a, b) => a - b);
      const closedToMs = Math.max(limitMs, shard.closedToMs ?? Number.NEGATIVE_INFINITY);
      expect(registerWindows(shard, [added], { closed, limitMs })).toEqual(
        shard.open.includes(added) ? null : { ...shard, version: shard.version + 1, closedToMs, open },
      );
      expect(withoutDone(shard, { closed, limitMs })).toMatchObject({ open: left, closedToMs });
      expect(withoutDone(shard, null)).toBe(shard);
    }),
  );
});

test('dueWindows() are those of the definition, when the watermark is any', () => {
  fc.assert(
    fc.property(
      shards,
      fc.array(starts, { maxLength: 6 }),
      watermarks,
      graces,
      (shard, touched, watermarkMs, graceMs) => {
        // Design, section 5: end + grace ≤ max(watermark, closed_to + grace).
        const closedTo = shard.closedToMs ?? Number.NEGATIVE_INFINITY;
        const model = Array.from({ length: 9 }, (_, index) => index * WINDOW_MS)
          .filter((startMs) => shard.open.includes(startMs) || touched.includes(startMs))
          .filter((startMs) => startMs + WINDOW_MS + graceMs <= Math.max(watermarkMs, closedTo + graceMs));
        expect(dueWindows(shard, touched, dueLimitMs(shard, watermarkMs, graceMs))).toEqual(model);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('dueLimitMs() and dueWindows() follow the window length, when it is not 5 seconds', () => {
  const shard: ShardState = { ...ABSENT_SHARD, version: 1, open: [0, 1_000, 2_000] };
  expect(dueLimitMs(shard, 3_500, 500, 1_000)).toBe(3_000);
  expect(dueWindows(shard, [], 2_999, 1_000)).toEqual([0, 1_000]);
});

test('takeOffOpen() takes off what was closed and never lowers closedToMs, when windows are taken off', () => {
  fc.assert(
    fc.property(shards, startLists, starts, (shard, closed, limitMs) => {
      const open = shard.open.filter((startMs) => !closed.includes(startMs));
      const closedToMs = Math.max(limitMs, shard.closedToMs ?? Number.NEGATIVE_INFINITY);
      const isSame = open.length === shard.open.length && closedToMs === shard.closedToMs;
      expect(takeOffOpen(shard, closed, limitMs)).toEqual(
        isSame ? null : { ...shard, version: shard.version + 1, closedToMs, open },
      );
    }),
  );
});

test('takeOffOpen() leaves nothing due, when all due windows were closed', () => {
  fc.assert(
    fc.property(shards, startLists, watermarks, graces, (shard, touched, watermarkMs, graceMs) => {
      const limitMs = dueLimitMs(shard, watermarkMs, graceMs);
      const due = dueWindows(shard, touched, limitMs);
      const next = takeOffOpen(shard, due, limitMs) ?? shard;
      const limitAfterMs = dueLimitMs(next, watermarkMs, graceMs);
      expect(dueWindows(next, [], limitAfterMs)).toEqual([]);
      expect(limitAfterMs).toBe(limitMs);
      expect(takeOffOpen(next, due, limitMs)).toBeNull();
    }),
  );
});

test('ABSENT_SHARD has nothing due, when nothing was touched', () => {
  expect(dueWindows(ABSENT_SHARD, [], dueLimitMs(ABSENT_SHARD, 1e12, 2_000))).toEqual([]);
  expect(registerWindows(ABSENT_SHARD, [], null)).toBeNull();
});

test('noteGap() keeps every gap and touches nothing else, when gaps come in any order and again', () => {
  fc.assert(
    fc.property(shards, fc.array(gaps, { minLength: 1, maxLength: 4 }), (shard, some) => {
      const noted = some.reduce<ShardState>((state, gap) => noteGap(state, gap, 60_000) ?? state, shard);
      const all = [...shard.gaps, ...some].toReversed();
      const bounds = { oldestMs: 0, maxSpans: 99 };
      expect(noted.gaps).toEqual(all.reduce<ShardState['gaps']>((sum, gap) => addSpan(sum, gap, bounds), []));
      expect({ ...noted, version: 0, gaps: [] }).toEqual({ ...shard, version: 0, gaps: [] });
      for (const gap of some) expect(noteGap(noted, gap, 60_000)).toBeNull();
    }),
  );
});

test('noteGap() forgets gaps that no window can fall into any more, and holds at most 200', () => {
  const shard: ShardState = { version: 3, closedToMs: 1_000_000, open: [], gaps: [[0, 10]] };
  expect(noteGap(shard, [900_000, 900_001], 200_000)).toEqual({
    ...shard,
    version: 4,
    gaps: [[900_000, 900_001]],
  });
  expect(noteGap({ ...shard, gaps: [] }, [0, 10], 200_000)).toBeNull();
  let many = ABSENT_SHARD;
  for (let n = 0; n < 300; n++) many = noteGap(many, [n * 10_000, n * 10_000 + 1], 200_000) ?? many;
  expect(many.gaps).toHaveLength(200);
  expect(Array.from({ length: 300 }, (_, n) => touchesGap(many.gaps, n * 10_000))).not.toContain(false);
});

test('gapWindows() are all that a gap touches on the list, and the range of those that are closed', () => {
  fc.assert(
    fc.property(shards, gaps, (shard, gap) => {
      const { open, closed } = gapWindows(shard, gap, 1e9);
      const all = Array.from({ length: 13 }, (_, index) => index * WINDOW_MS);
      expect(open).toEqual(
        all.filter((startMs) => shard.open.includes(startMs) && touchesGap([gap], startMs)),
      );
      const between = closed === null ? [] : all.filter((ms) => closed[0] <= ms && ms <= closed[1]);
      const limitMs = shard.closedToMs ?? 0;
      expect(between).toEqual(
        all.filter((startMs) => startMs + WINDOW_MS <= limitMs && touchesGap([gap], startMs)),
      );
    }),
  );
  const shard: ShardState = { ...ABSENT_SHARD, closedToMs: 100_000_000 };
  expect(gapWindows(shard, [0, 99_000_000], 2_000_000).closed).toEqual([98_000_000, 99_000_000]);
});
