import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { closedToOf, WINDOW_MS, windowDueMs, windowStartOf } from './window.ts';

const times = fc.oneof(
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
);
const windows = fc.constantFrom(undefined, 1, 1_000, 5_000, 7_000);
const graces = fc.constantFrom(0, 1, 2_000, 4_999, 5_000, 12_345);

test('windowStartOf() is the multiple of the window length whose window holds the time, when the time is any', () => {
  fc.assert(
    fc.property(times, windows, (eventTimeMs, windowMs) => {
      const start = windowStartOf(eventTimeMs, windowMs);
      const length = windowMs ?? WINDOW_MS;
      expect(Math.abs(start % length)).toBe(0);
      expect(start <= eventTimeMs && eventTimeMs < start + length).toBe(true);
    }),
  );
});

test.each([
  [0, 0],
  [4_999, 0],
  [5_000, 5_000],
  [-1, -5_000],
])('windowStartOf() puts an edge into one window, when the time is %d', (eventTimeMs, startMs) => {
  expect(windowStartOf(eventTimeMs)).toBe(startMs);
});

test('closedToOf() closes a window exactly from windowDueMs() on, when the watermark is any', () => {
  fc.assert(
    fc.property(
      times,
      fc.integer({ min: -3, max: 3 }),
      graces,
      windows,
      (watermarkMs, offset, graceMs, windowMs) => {
        const length = windowMs ?? WINDOW_MS;
        const startMs = windowStartOf(watermarkMs, windowMs) + offset * length;
        const isClosed = startMs + length <= closedToOf(watermarkMs, graceMs, windowMs);
        expect(isClosed).toBe(windowDueMs(startMs, graceMs, windowMs) <= watermarkMs);
      },
    ),
  );
});

test('windowDueMs() is the end plus the grace, when the window is one of 5 seconds', () => {
  expect(windowDueMs(10_000, 2_000)).toBe(17_000);
  expect(closedToOf(16_999, 2_000)).toBe(10_000);
  expect(closedToOf(17_000, 2_000)).toBe(15_000);
});
