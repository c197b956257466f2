import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addProductTo, addTo, emptyProductSum, emptySum, productsOf, totalOf } from './exact-sum.ts';
import { toJsonInteger } from './fixed-point.ts';

/** Integers of every size, many of them where doubles, halves or limits end, of both signs. */
const integers = fc
  .tuple(
    fc.oneof(
      fc.bigInt({ min: 0n, max: 20n }),
      fc.bigInt({ min: 0n, max: 10n ** 23n }),
      fc
        .tuple(fc.constantFrom(20n, 22n, 40n, 42n, 44n, 52n, 53n, 54n), fc.bigInt({ min: -2n, max: 2n }))
        .map(([bits, more]) => 2n ** bits + more),
    ),
    fc.constantFrom(1n, -1n),
  )
  .map(([size, sign]) => size * sign);

test('addTo() sums as bigints do, when the integers are any', () => {
  fc.assert(
    fc.property(fc.array(integers, { maxLength: 40 }), (all) => {
      const sum = emptySum();
      for (const one of all) addTo(sum, toJsonInteger(one));
      expect(totalOf(sum)).toBe(all.reduce((total, one) => total + one, 0n));
    }),
    { numRuns: 2_000 },
  );
});

test('addProductTo() sums as bigints do, when the factors are any', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(integers, integers), { maxLength: 40 }), (all) => {
      const sum = emptyProductSum();
      for (const [left, right] of all) addProductTo(sum, toJsonInteger(left), toJsonInteger(right));
      expect(productsOf(sum)).toBe(all.reduce((total, [left, right]) => total + left * right, 0n));
    }),
    { numRuns: 2_000 },
  );
});

test.each([
  ['the largest', 2n ** 44n - 1n],
  ['the smallest', 1n - 2n ** 44n],
])('addProductTo() stays exact over 10,000 products, when each is %s that doubles take', (_, left) => {
  const right = 2n ** 40n - 1n;
  const sum = emptyProductSum();
  for (let n = 0; n < 10_000; n++) addProductTo(sum, toJsonInteger(left), toJsonInteger(right));
  expect(sum.count).toBeGreaterThan(0);
  expect(productsOf(sum)).toBe(10_000n * left * right);
});

test('addTo() stays exact over 10,000 numbers, when each is the largest that a double takes', () => {
  const sum = emptySum();
  for (let n = 0; n < 10_000; n++) addTo(sum, Number.MAX_SAFE_INTEGER);
  expect(totalOf(sum)).toBe(10_000n * BigInt(Number.MAX_SAFE_INTEGER));
});
