import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  ABSENT_SHARD,
  dueLimitMs,
  dueWindows,
  registerWindows,
  settleWindows,
  type ShardState,
} from './shard-state.ts';

const WINDOW_MS = 5_000;
const starts = fc.integer({ min: 0, max: 8 }).map((index) => index * WINDOW_MS);
const startLists = fc.uniqueArray(starts, { maxLength: 6 });
const shards: fc.Arbitrary<ShardState> = fc.record({
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
      expect(registerWindows(shard, added)).toEqual(
        isNew ? { version: shard.version + 1, closedToMs: shard.closedToMs, open } : null,
      );
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
  const shard: ShardState = { version: 1, closedToMs: null, open: [0, 1_000, 2_000] };
  expect(dueLimitMs(shard, 3_500, 500, 1_000)).toBe(3_000);
  expect(dueWindows(shard, [], 2_999, 1_000)).toEqual([0, 1_000]);
});

test('settleWindows() takes off what was closed and never lowers closedToMs, when windows are settled', () => {
  fc.assert(
    fc.property(shards, startLists, starts, (shard, closed, limitMs) => {
      const open = shard.open.filter((startMs) => !closed.includes(startMs));
      const closedToMs = Math.max(limitMs, shard.closedToMs ?? Number.NEGATIVE_INFINITY);
      const isSame = open.length === shard.open.length && closedToMs === shard.closedToMs;
      expect(settleWindows(shard, closed, limitMs)).toEqual(
        isSame ? null : { version: shard.version + 1, closedToMs, open },
      );
    }),
  );
});

test('settleWindows() leaves nothing due, when all due windows were closed', () => {
  fc.assert(
    fc.property(shards, startLists, watermarks, graces, (shard, touched, watermarkMs, graceMs) => {
      const limitMs = dueLimitMs(shard, watermarkMs, graceMs);
      const due = dueWindows(shard, touched, limitMs);
      const next = settleWindows(shard, due, limitMs) ?? shard;
      const limitAfterMs = dueLimitMs(next, watermarkMs, graceMs);
      expect(dueWindows(next, [], limitAfterMs)).toEqual([]);
      expect(limitAfterMs).toBe(limitMs);
      expect(settleWindows(next, due, limitMs)).toBeNull();
    }),
  );
});

test('ABSENT_SHARD has nothing due, when nothing was touched', () => {
  expect(dueWindows(ABSENT_SHARD, [], dueLimitMs(ABSENT_SHARD, 1e12, 2_000))).toEqual([]);
  expect(registerWindows(ABSENT_SHARD, [])).toBeNull();
});
