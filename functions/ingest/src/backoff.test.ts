import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

const OPTIONS = { minMs: 500, maxMs: 30_000 };

test('backoffMs() doubles up to the cap, when the jitter is full', () => {
  expect([0, 1, 2, 5, 6, 7, 1_000].map((attempt) => backoffMs(attempt, 1, OPTIONS))).toEqual([
    500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000,
  ]);
});

test('backoffMs() stays within its bounds', () => {
  fc.assert(
    fc.property(
      fc.nat(2_000),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (attempt, random) => {
        const waitMs = backoffMs(attempt, random, OPTIONS);
        expect(waitMs).toBeGreaterThanOrEqual(0);
        expect(waitMs).toBeLessThanOrEqual(Math.min(30_000, 500 * 2 ** attempt));
      },
    ),
  );
});
