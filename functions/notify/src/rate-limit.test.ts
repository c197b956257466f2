import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateLimit } from './rate-limit.ts';

test('take() never lets more than the burst and the rate through in any stretch of time, when calls come as they like', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.nat(3_000), fc.nat(5_000)), { maxLength: 40 }),
      (ratePerMinute, burst, calls) => {
        let nowMs = 1_000;
        const limit = createRateLimit({ ratePerMinute, burst }, () => nowMs);
        const turns: number[] = [];
        for (const [passedMs, patienceMs] of calls) {
          nowMs += passedMs;
          const readyMs = limit.readyAtMs();
          const turnMs = limit.take(nowMs + patienceMs);
          expect(turnMs).toBe(readyMs <= nowMs + patienceMs ? readyMs : null);
          if (turnMs !== null) turns.push(turnMs);
        }
        for (const [from, firstMs] of turns.entries()) {
          for (const [count, lastMs] of turns.slice(from).entries()) {
            expect(count + 1).toBeLessThanOrEqual(
              burst + ((lastMs - firstMs) * ratePerMinute) / 60_000 + 1e-6,
            );
          }
        }
      },
    ),
  );
});

test('take() gives a turn at once, when none was taken for long, and waits out a pause', () => {
  let nowMs = 0;
  const limit = createRateLimit({ ratePerMinute: 60, burst: 2 }, () => nowMs);
  expect([limit.take(0), limit.take(0), limit.take(999), limit.take(1_000)]).toEqual([0, 0, null, 1_000]);
  nowMs = 60_000;
  expect(limit.take(nowMs)).toBe(60_000);
  limit.pauseUntil(90_000);
  limit.pauseUntil(70_000);
  expect([limit.readyAtMs(), limit.take(89_999), limit.take(90_000)]).toEqual([90_000, null, 90_000]);
});
