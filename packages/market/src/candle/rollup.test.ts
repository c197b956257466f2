import { e16, e8 } from '../number/fixed-point.ts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { periodStartOf, ROLLUP_LEVELS, rollUp, type ViewCandle } from './rollup.ts';

const MINUTE = ROLLUP_LEVELS[0];
if (MINUTE === undefined) throw new Error('no level');

const parts: fc.Arbitrary<readonly ViewCandle[]> = fc.uniqueArray(
  fc.record({
    startMs: fc.nat(11).map((n) => n * 5_000),
    version: fc.integer({ min: 1, max: 9 }),
    open: fc.integer({ min: 1, max: 99 }),
    high: fc.integer({ min: 1, max: 99 }),
    low: fc.integer({ min: 1, max: 99 }),
    close: fc.integer({ min: 1, max: 99 }),
    volumeE8: fc.bigInt({ min: 1n, max: 10n ** 23n }).map(e8),
    notionalE16: fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }).map(e16),
    priceSumE8: fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(e8),
    tradeCount: fc.integer({ min: 1, max: 500 }),
    revision: fc.nat(2),
    reason: fc.constantFrom('', 'late_trade', 'feed_gap'),
    complete: fc.boolean(),
    sampled: fc.boolean(),
    rank: fc.constantFrom<ViewCandle['rank'][]>(0, 0, 1, 2, 3),
    parts: fc.integer({ min: 1, max: 12 }),
  }),
  { minLength: 1, maxLength: 12, selector: ({ startMs }) => startMs },
);

test('rollUp() is the first open, the last close, the extremes and the sums, to the same bytes in any order', () => {
  fc.assert(
    fc.property(parts, (some) => {
      const whole = rollUp(0, some);
      expect(rollUp(0, some.toReversed())).toEqual(whole);
      const sorted = some.toSorted((a, b) => a.startMs - b.startMs);
      const reasons = sorted.map(({ reason }) => reason).filter((reason) => reason !== '');
      const rank = Math.min(...some.map((part) => part.rank));
      const priced = sorted.filter((part) => part.rank === rank);
      const ranged = sorted.filter((part) => part.rank === rank || part.rank + rank === 1);
      const counted = rank === 3 ? some : some.filter((part) => part.rank < 3);
      expect(whole).toMatchObject({
        startMs: 0,
        rank,
        open: priced.at(0)?.open,
        close: priced.at(-1)?.close,
        high: Math.max(...ranged.map(({ high }) => high)),
        low: Math.min(...ranged.map(({ low }) => low)),
        volumeE8: counted.reduce((sum, { volumeE8 }) => sum + volumeE8, 0n),
        notionalE16: counted.reduce((sum, { notionalE16 }) => sum + notionalE16, 0n),
        priceSumE8: counted.reduce((sum, { priceSumE8 }) => sum + priceSumE8, 0n),
        complete: !some.some(({ complete }) => !complete),
        sampled: counted.some(({ sampled }) => sampled),
        reason: reasons.at(-1) ?? '',
      });
      expect(whole?.tradeCount).toBe(counted.reduce((sum, part) => sum + part.tradeCount, 0));
      for (const name of ['version', 'revision', 'parts'] as const) {
        expect(whole?.[name]).toBe(some.reduce((sum, part) => sum + part[name], 0));
      }
    }),
  );
});

test('rollUp() has a larger version, when any part has one, and another one comes', () => {
  fc.assert(
    fc.property(parts, fc.nat(11), fc.integer({ min: 1, max: 3 }), (some, place, more) => {
      const index = place % some.length;
      const newer = some.map((part, n) => (n === index ? { ...part, version: part.version + more } : part));
      const version = rollUp(0, some)?.version ?? 0;
      expect(rollUp(0, newer)?.version).toBeGreaterThan(version);
      expect(rollUp(0, some.slice(1))?.version ?? 0).toBeLessThan(version);
    }),
  );
});

test('rollUp() is null without parts', () => {
  expect(rollUp(0, [])).toBeNull();
});

test('ROLLUP_LEVELS are each made of whole parts of the level before', () => {
  let partMs = 5_000;
  for (const level of ROLLUP_LEVELS) {
    expect(level.partMs).toBe(partMs);
    expect(level.periodMs % partMs).toBe(0);
    partMs = level.periodMs;
  }
});

test.each([
  [0, 0],
  [59_999, 0],
  [60_000, 60_000],
])('periodStartOf(%d) is %d for a minute', (timeMs, startMs) => {
  expect(periodStartOf(timeMs, MINUTE)).toBe(startMs);
});
