import { expect, test } from 'vitest';
import { backOffMs } from './back-off.ts';

test.each([
  [0, 0, 2.5],
  [0, 0.5, 3.75],
  [3, 0, 20],
  [50, 0.999, 199.9],
])('backOffMs(%d, %d) is %d: it doubles up to 200 ms, half of it chance', (attempt, chance, ms) => {
  expect(backOffMs(attempt, chance)).toBeCloseTo(ms);
});
