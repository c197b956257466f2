import { e8, e8ToDouble, readE8 } from '@kandle/market/number/fixed-point';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { doubleOf, isNearly, quotientOf, unitsOf } from './decimal.ts';

test.each([
  [61_837.63, 6_183_763_000_000n],
  [0.1 + 0.2, null],
  [9e-5, 9_000n],
  [1.000000005, null],
  [5e-9, null],
  [1e-8, 1n],
  [-37.63, -3_763_000_000n],
  [0, 0n],
  [1e15, 10n ** 23n],
  [1e21, 10n ** 29n],
])('unitsOf() reads %d off its decimal text', (value, units) => {
  expect(unitsOf(value)).toBe(units);
});

test('unitsOf() refuses what is no number', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => unitsOf(value)).toThrow(RangeError);
});

test('unitsOf() and doubleOf() agree with the code under audit, which computes them otherwise', () => {
  const amounts = fc.oneof(
    fc.double({ min: -1e15, max: 1e15, noNaN: true }),
    fc.integer({ min: 1, max: 10 ** 12 }).map((n) => n / 1e9),
  );
  fc.assert(fc.property(amounts, (value) => unitsOf(value) === readE8(value)));
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }),
      (units) => doubleOf(units) === e8ToDouble(e8(units)),
    ),
  );
});

test('quotientOf() is the nearest double, and isNearly() forgives its roundings only', () => {
  expect(quotientOf(1n, 3n)).toBe(1 / 3);
  expect(quotientOf(10n ** 30n, 10n ** 30n * 8n)).toBe(0.125);
  expect(quotientOf(-1n, 3n)).toBe(-1 / 3);
  // Half way between 1 and the next double, and a little above.
  expect(quotientOf(2n ** 53n + 1n, 2n ** 53n)).toBe(1);
  expect(quotientOf((2n ** 53n + 1n) * 10n ** 30n + 1n, 2n ** 53n * 10n ** 30n)).toBe(1 + 2 ** -52);
  expect(isNearly(1 / 3, 1 / 3 + 1e-16)).toBe(true);
  expect(isNearly(61_837.63, 61_837.630_001)).toBe(false);
});
