import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addSpan, formatSpans, type GapSpan, type GapSpans, parseSpans, touchesGap } from './gap-spans.ts';

const UNBOUNDED = { oldestMs: 0, maxSpans: 1_000 };
const END = 40;
const spans: fc.Arbitrary<readonly GapSpan[]> = fc.array(
  fc.tuple(fc.nat(30), fc.nat(6)).map(([fromMs, length]): GapSpan => [fromMs, fromMs + length]),
  { maxLength: 8 },
);

/** The milliseconds that stretches cover, one by one. */
function covered(some: readonly GapSpan[]): readonly number[] {
  return Array.from({ length: END }, (_, ms) => ms).filter((ms) =>
    some.some(([fromMs, toMs]) => fromMs <= ms && ms <= toMs),
  );
}

function addAll(some: readonly GapSpan[], bounds = UNBOUNDED): GapSpans {
  return some.reduce<GapSpans>((sum, span) => addSpan(sum, span, bounds), []);
}

test('addSpan() covers what was added and nothing else, with the fewest stretches, in any order', () => {
  fc.assert(
    fc.property(spans, (some) => {
      const sum = addAll(some);
      expect(covered(sum)).toEqual(covered(some));
      expect(parseSpans(formatSpans(sum))).toEqual(sum);
      expect(addAll(some.toReversed())).toEqual(sum);
      const begins = covered(some).filter((ms) => !covered(some).includes(ms - 1));
      expect(sum.map(([fromMs]) => fromMs)).toEqual(begins);
    }),
  );
});

test('addSpan() never loses a millisecond and joins the nearest, when there are too many', () => {
  fc.assert(
    fc.property(spans, fc.integer({ min: 1, max: 3 }), (some, maxSpans) => {
      const sum = addAll(some, { oldestMs: 0, maxSpans });
      expect(sum.length).toBeLessThanOrEqual(maxSpans);
      expect(covered(sum)).toEqual(expect.arrayContaining([...covered(some)]));
      expect(parseSpans(formatSpans(sum))).toEqual(sum);
    }),
  );
  const far: readonly GapSpan[] = [
    [0, 1],
    [10, 11],
    [15, 16],
    [30, 31],
  ];
  expect(addAll(far, { oldestMs: 0, maxSpans: 3 })).toEqual([
    [0, 1],
    [10, 16],
    [30, 31],
  ]);
});

test('addSpan() forgets what ended before the oldest time, and nothing that reaches it', () => {
  expect(addSpan([[0, 9]], [20, 21], { oldestMs: 9, maxSpans: 5 })).toEqual([
    [0, 9],
    [20, 21],
  ]);
  expect(addSpan([[0, 9]], [20, 21], { oldestMs: 10, maxSpans: 5 })).toEqual([[20, 21]]);
  expect(addSpan([], [0, 9], { oldestMs: 10, maxSpans: 5 })).toEqual([]);
});

test('addSpan() refuses, when the end is before the beginning', () => {
  expect(() => addSpan([], [5, 4], UNBOUNDED)).toThrow(RangeError);
});

test('touchesGap() is true for the windows that hold a millisecond of a stretch', () => {
  fc.assert(
    fc.property(spans, fc.nat(7), (some, window) => {
      const inside = covered(some).some((ms) => Math.floor(ms / 5) === window);
      expect(touchesGap(addAll(some), window * 5, 5)).toBe(inside);
    }),
  );
  expect(touchesGap([[5_000, 5_000]], 5_000)).toBe(true);
  expect(touchesGap([[5_000, 5_000]], 0)).toBe(false);
});

test.each(['5', '5-', '-5', '1-2,', '5-4', '1-5,3-9', '1-5,6-9', 'a-b', '1-2;4-5', '1.5-2', '1-2-3'])(
  "parseSpans() refuses '%s'",
  (text) => {
    expect(() => parseSpans(text)).toThrow(RangeError);
  },
);
