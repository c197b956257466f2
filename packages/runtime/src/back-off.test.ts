import * as fc from 'fast-check';
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

test('backOffMs() doubles from the first wait up to the bound, and half of it is chance, after any number of failures', () => {
  const backOff = { firstMs: 500, maxMs: 30_000 };
  const longest = [0, 1, 2, 5, 6, 7, 10_000].map((attempt) => backOffMs(attempt, 1, backOff));
  expect(longest).toEqual([500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
  fc.assert(
    fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, chance) => {
      const most = backOffMs(attempt, 1, backOff);
      const waitMs = backOffMs(attempt, chance, backOff);
      expect(waitMs).toBeGreaterThanOrEqual(most / 2);
      expect(waitMs).toBeLessThanOrEqual(most);
    }),
  );
});
