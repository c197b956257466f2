import { expect, test } from 'vitest';
import { parseQuantity } from './quantity.ts';

test.each([
  ['1', 1],
  ['250m', 0.25],
  ['0.5', 0.5],
  ['192Mi', 201_326_592],
  ['2Gi', 2_147_483_648],
  ['64G', 64_000_000_000],
  ['131072Ki', 134_217_728],
])('parseQuantity() reads %s as %d', (text, value) => {
  expect(parseQuantity(text)).toBe(value);
});

test.each(['', 'm', '1 Gi', '-1', '1g', 'much'])('parseQuantity() refuses %j', (text) => {
  expect(() => parseQuantity(text)).toThrow(RangeError);
});
