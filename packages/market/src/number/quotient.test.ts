import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearestQuotient } from './quotient.ts';

/** A double as the exact fraction that it is, read off its bits. */
function fractionOf(value: number): { readonly numerator: bigint; readonly denominator: bigint } {
  const bits = new BigUint64Array(new Float64Array([value]).buffer)[0] ?? 0n;
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const mantissa = (bits & 0xf_ffff_ffff_ffffn) | (exponent === 0 ? 0n : 1n << 52n);
  const power = Math.max(exponent, 1) - 1_075;
  const sign = bits >> 63n === 1n ? -1n : 1n;
  return power >= 0
    ? { numerator: sign * (mantissa << BigInt(power)), denominator: 1n }
    : { numerator: sign * mantissa, denominator: 1n << BigInt(-power) };
}

/** The neighbour of a double, above or below, by its bits. */
function neighbourOf(value: number, step: 1n | -1n): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigUint64(0);
  const isUp = value >= 0 === (step === 1n);
  if (value === 0) return step === 1n ? Number.MIN_VALUE : -Number.MIN_VALUE;
  view.setBigUint64(0, isUp ? bits + 1n : bits - 1n);
  return view.getFloat64(0);
}

/**
 * Twice the distance of a double from a quotient, as a numerator over a denominator that all doubles here
 * share.
 */
function distanceOf(value: number, dividend: bigint, divisor: bigint): bigint {
  const { numerator, denominator } = fractionOf(value);
  const scale = (1n << 1_074n) / denominator;
  const distance = dividend * (1n << 1_074n) - numerator * scale * divisor;
  return distance < 0n ? -distance : distance;
}

function expectNearest(dividend: bigint, divisor: bigint): void {
  const found = nearestQuotient(dividend, divisor);
  const distance = distanceOf(found, dividend, divisor);
  for (const step of [1n, -1n] as const) {
    const other = distanceOf(neighbourOf(found, step), dividend, divisor);
    expect(distance <= other).toBe(true);
    // Of a tie the double with an even last bit.
    if (distance === other) expect(fractionOf(found).numerator % 2n === 0n || found === 0).toBe(true);
  }
}

const integers = fc.oneof(
  fc.bigInt({ min: -(10n ** 46n), max: 10n ** 46n }),
  fc.bigInt({ min: -1_000n, max: 1_000n }),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }),
  fc.nat(120).map((power) => 2n ** BigInt(power) + 1n),
);

test('nearestQuotient() is nearer than both its neighbours, when the integers are any', () => {
  fc.assert(
    fc.property(integers, integers, (dividend, divisor) => {
      fc.pre(divisor > 0n);
      expectNearest(dividend, divisor);
    }),
    { numRuns: 2_000 },
  );
});

test('nearestQuotient() takes the even neighbour of a tie, and the nearer one just beside it', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 2n ** 52n, max: 2n ** 53n - 1n }),
      fc.nat(80),
      fc.bigInt({ min: 1n, max: 10n ** 20n }),
      fc.constantFrom(-1n, 0n, 1n),
      (mantissa, power, factor, beside) => {
        // Half way between two doubles, times a factor that divides out again.
        const dividend = (mantissa * 2n + 1n) * factor * 2n ** 60n + beside;
        expectNearest(dividend, factor * 2n ** BigInt(power));
      },
    ),
    { numRuns: 2_000 },
  );
});

test.each<[bigint, bigint, number]>([
  [1n, 3n, 1 / 3],
  [0n, 7n, 0],
  [-1n, 8n, -0.125],
  [6_183_763_000_000n * 3n, 3n * 10n ** 8n, 61_837.63],
  [10n ** 46n, 1n, 1e46],
])('nearestQuotient() of %d and %d is %d', (dividend, divisor, quotient) => {
  expect(nearestQuotient(dividend, divisor)).toBe(quotient);
});

test.each([0n, -1n])('nearestQuotient() refuses, when the divisor is %d', (divisor) => {
  expect(() => nearestQuotient(1n, divisor)).toThrow(RangeError);
});
