import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { periodStartOf, ROLLUP_LEVELS, rollUp, type ViewCandle } from './rollup.ts';

const MINUTE = ROLLUP_LEVELS[0];
if (MINUTE === undefined) throw new Error('no level');

/** Awkward doubles on purpose: sums of them depend on the order. */
const parts: fc.Arbitrary<readonly ViewCandle[]> = fc.uniqueArray(
  fc.record({
    startMs: fc.nat(11).map((n) => n * 5_000),
    version: fc.integer({ min: 1, max: 9 }),
    open: fc.integer({ min: 1, max: 99 }),
    high: fc.integer({ min: 1, max: 99 }),
    low: fc.integer({ min: 1, max: 99 }),
    close: fc.integer({ min: 1, max: 99 }),
    volume: fc.integer({ min: 1, max: 1e12 }).map((units) => units / 1e8),
    notional: fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
    meanPrice: fc.double({ min: 1e-3, max: 1e5, noNaN: true }),
    tradeCount: fc.integer({ min: 1, max: 500 }),
    revision: fc.nat(2),
    reason: fc.constantFrom('', 'late_trade', 'feed_gap'),
    complete: fc.boolean(),
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
      const units = some.reduce((sum, { volume }) => sum + BigInt(Math.round(volume * 1e8)), 0n);
      const reasons = sorted.map(({ reason }) => reason).filter((reason) => reason !== '');
      expect(whole).toMatchObject({
        startMs: 0,
        open: sorted.at(0)?.open,
        close: sorted.at(-1)?.close,
        high: Math.max(...some.map(({ high }) => high)),
        low: Math.min(...some.map(({ low }) => low)),
        // Exactly what the decimal text of the sum reads as.
        volume: Number(`${units}e-8`),
        complete: !some.some(({ complete }) => !complete),
        reason: reasons.at(-1) ?? '',
      });
      for (const name of ['version', 'revision', 'tradeCount', 'parts'] as const) {
        expect(whole?.[name]).toBe(some.reduce((sum, part) => sum + part[name], 0));
      }
      const prices = some.reduce((sum, part) => sum + part.meanPrice * part.tradeCount, 0);
      expect(whole?.meanPrice).toBeCloseTo(prices / (whole?.tradeCount ?? 0), 6);
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

test('rollUp() keeps a volume too large for whole units as it is, and is null without parts', () => {
  const [part] = fc.sample(parts, 1)[0] ?? [];
  if (part === undefined) throw new Error('no part');
  const large = { ...part, volume: 3e9 + 0.1 };
  expect(rollUp(0, [large, { ...large, startMs: large.startMs + 1 }])?.volume).toBe(2 * (3e9 + 0.1));
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
