import { expect, test } from 'vitest';
import { formatChange, formatRate } from './format.ts';

test.each([
  [0, '0'],
  [0.04, '0'],
  [0.916, '0.9'],
  [5.038, '5.0'],
  [99.94, '99.9'],
  [99.96, '100'],
  [180.2, '180'],
  [12_345.6, '12,346'],
])('formatRate(%s) is %s', (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});

test.each([
  [0.0042, '+0.42 %', 'up'],
  [-0.0042, '−0.42 %', 'down'],
  [-0.00004, '0.00 %', ''],
  [0, '0.00 %', ''],
  [null, '–', ''],
] as const)('formatChange(%s) is %s', (share, text, way) => {
  expect(formatChange(share)).toEqual([text, way]);
});
