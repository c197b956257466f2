import { expect, test } from 'vitest';
import { createLoadAverage } from './load-average.ts';

test('average() weighs each value by how long it held', () => {
  const load = createLoadAverage(6_000);
  load.set(12, 1_000);
  load.set(0, 1_100);
  expect(load.average(3_000)).toBeCloseTo(0.6);
  load.set(4, 3_000);
  expect(load.average(4_000)).toBeCloseTo((12 * 100 + 4 * 1_000) / 3_000);
});

test('average() forgets what was before the window, and keeps what still holds', () => {
  const load = createLoadAverage(6_000);
  load.set(50, 0);
  load.set(3, 1_000);
  expect(load.average(6_500)).toBeCloseTo((50 * 500 + 3 * 5_500) / 6_000);
  expect(load.average(7_000)).toBe(3);
  expect(load.average(60_000)).toBe(3);
  load.set(0, 60_000);
  expect(load.average(63_000)).toBe(1.5);
});

test('average() is 0 before anything was set and right after', () => {
  const load = createLoadAverage(6_000);
  expect(load.average(5)).toBe(0);
  load.set(9, 10);
  expect(load.average(10)).toBe(0);
});

test('reset() begins anew', () => {
  const load = createLoadAverage(6_000);
  load.set(50, 0);
  load.reset(1_000);
  load.set(2, 1_000);
  expect(load.average(1_100)).toBe(2);
});
