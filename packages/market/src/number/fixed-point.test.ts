import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addE16,
  addE8,
  type E8,
  e16,
  e8,
  e8ToDouble,
  formatE8,
  fromJsonInteger,
  notionalOf,
  readE8,
  subtractE8,
  toE8,
  toJsonInteger,
} from './fixed-point.ts';

/** The decimal text times 1e8 as an exact fraction, null if that is not a whole number: the model. */
function exactE8(text: string): bigint | null {
  const [mantissa = '', exponent = '0'] = text.toLowerCase().split('e');
  const [whole = '', fraction = ''] = mantissa.replace('-', '').split('.');
  const shift = Number(exponent) - fraction.length + 8;
  const numerator = BigInt(whole + fraction) * 10n ** BigInt(Math.max(0, shift));
  const denominator = 10n ** BigInt(Math.max(0, -shift));
  if (numerator % denominator !== 0n) return null;
  const magnitude = numerator / denominator;
  return text.startsWith('-') ? -magnitude : magnitude;
}

/** Where the fast way gives way to the decimal text. */
const FAST_LIMIT_VALUE = 2 ** 52 / 1e8;

/** Doubles of eight decimals and beside them: nine, their neighbours, the smallest unit, the limits. */
const values: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }).map((n) => n * 5e-9),
  fc.integer({ min: -1e9, max: 1e9 }).map((n) => (n * 2 + 1) / 2e8),
  fc
    .tuple(fc.integer({ min: 0, max: 800_000 }), fc.integer({ min: 0, max: 999_999_999 }))
    .map(([whole, nano]) => Number(`${whole}.${String(nano).padStart(9, '0')}`)),
  fc.double({ min: FAST_LIMIT_VALUE - 0.001, max: FAST_LIMIT_VALUE + 0.001, noNaN: true }),
  // Where a product with 1e8 is a whole number that may be off by one.
  fc.double({ min: 2 ** 52 / 1e8, max: 2 ** 54 / 1e8, noNaN: true }),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.double({ min: 1e-12, max: 1e-4, noNaN: true }),
);

test('readE8() agrees with exact decimal arithmetic on the shortest text, when the number is any', () => {
  fc.assert(
    fc.property(values, (value) => {
      expect(readE8(value)).toBe(exactE8(String(value)));
    }),
    { numRuns: 4_000 },
  );
});

test('readE8() is the exact number of every text of eight decimals that a double can tell apart', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), (units) => {
      expect(readE8(Number(formatE8(e8(units))))).toBe(units);
    }),
    { numRuns: 2_000 },
  );
});

test.each<[number, bigint]>([
  [61_837.63, 6_183_763_000_000n],
  [9e-5, 9_000n],
  [1e-8, 1n],
  [-1e-8, -1n],
  [-37.63, -3_763_000_000n],
  [0, 0n],
  [-0, 0n],
  [703_687.441_776_64, 70_368_744_177_664n],
  [90_071_992.547_409_94, 9_007_199_254_740_994n],
  [123_456_789.123_456_78, 12_345_678_912_345_678n],
  [999_999_999_999_999.9, 99_999_999_999_999_990_000_000n],
  [1e15, 10n ** 23n],
  [-1e15, -(10n ** 23n)],
])('toE8() of %d is %d', (value, units) => {
  expect(toE8(value)).toBe(units);
  expect(readE8(value)).toBe(units);
});

test.each([0.1 + 0.2, 5e-9, -5e-9, 6e-9, 1.5e-8, 1.2e-9, 0.123_456_789, 703_687.441_776_635, 1e-320])(
  'readE8() is null and toE8() refuses, when %d has more than eight decimals',
  (value) => {
    expect(readE8(value)).toBeNull();
    expect(() => toE8(value)).toThrow('more than eight decimals');
  },
);

test.each([
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1.000_000_000_000_001e15,
  -1e16,
  1e300,
])('readE8() refuses, when the number is %d', (value) => {
  expect(() => readE8(value)).toThrow(RangeError);
});

const integers = fc.oneof(
  fc.bigInt({ min: -(10n ** 44n), max: 10n ** 44n }),
  fc.bigInt({ min: -1_000_000_000n, max: 1_000_000_000n }),
  fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }),
);

test('formatE8() is the exact decimal without trailing zeros, when the number is any', () => {
  fc.assert(
    fc.property(integers, (units) => {
      const text = formatE8(e8(units));
      expect(text).toMatch(/^-?(0|[1-9]\d*)(\.\d{0,7}[1-9])?$/);
      expect(exactE8(text)).toBe(units);
    }),
  );
});

test.each<[bigint, string]>([
  [6_183_763_000_000n, '61837.63'],
  [0n, '0'],
  [1n, '0.00000001'],
  [-1n, '-0.00000001'],
  [100_000_000n, '1'],
  [-150_000_000n, '-1.5'],
])('formatE8() of %d is %s', (units, text) => {
  expect(formatE8(e8(units))).toBe(text);
});

test('e8ToDouble() is the double nearest to the exact decimal, when the number is any', () => {
  fc.assert(
    fc.property(integers, (units) => {
      expect(e8ToDouble(e8(units))).toBe(Number(formatE8(e8(units))));
    }),
  );
});

test('fromJsonInteger() gives the number back, when it went through JSON', () => {
  fc.assert(
    fc.property(integers, (value) => {
      expect(fromJsonInteger(JSON.parse(JSON.stringify(toJsonInteger(value))))).toBe(value);
    }),
  );
});

test('toJsonInteger() changes from number to text, when the integer is no longer safe', () => {
  expect(toJsonInteger(2n ** 53n - 1n)).toBe(2 ** 53 - 1);
  expect(toJsonInteger(2n ** 53n)).toBe('9007199254740992');
  expect(toJsonInteger(-(2n ** 53n) + 1n)).toBe(-(2 ** 53) + 1);
  expect(toJsonInteger(-(2n ** 53n))).toBe('-9007199254740992');
});

test.each([
  1.5,
  2 ** 53,
  Number.NaN,
  '',
  '1.0',
  '1e3',
  ' 1',
  '1\n',
  '+1',
  '--1',
  '1'.repeat(61),
  null,
  undefined,
  5n,
  {},
])('fromJsonInteger() refuses, when given %s', (value) => {
  expect(() => fromJsonInteger(value)).toThrow(RangeError);
});

test('E8 and E16 take no sum of each other, no plain bigint and not each other, which the compiler sees', () => {
  const [price, size] = [toE8(2), toE8(3)];
  const notional = notionalOf(price, size);
  // @ts-expect-error A price and a notional have no sum.
  expect(addE8(price, notional)).toBe(6n * 10n ** 16n + 2n * 10n ** 8n);
  // @ts-expect-error What an operator returns has no unit.
  const sum: E8 = price + notional;
  expect(addE8(price, size)).toBe(sum - notional + size);
  expect(subtractE8(price, size)).toBe(-(10n ** 8n));
  expect(addE16(notional, e16(1n))).toBe(6n * 10n ** 16n + 1n);
});
