import { expect, test } from 'vitest';
import { createMoments } from './moments.ts';

function createClocks() {
  const clock = { feedMs: 1_000, wallMs: 1_764_000_000_000 };
  const moments = createMoments({ feedMs: () => clock.feedMs, wallMs: () => clock.wallMs }, 5_000);
  const pass = (feedMs: number, wallMs = feedMs): void => {
    clock.feedMs += feedMs;
    clock.wallMs += wallMs;
  };
  return { moments, pass };
}

test('at() knows what the wall clock said, when it has jumped since', () => {
  const { moments, pass } = createClocks();
  pass(2_000);
  const before = moments.now();
  pass(100, 603_000);
  const after = moments.now();
  pass(900);
  moments.now();
  expect(moments.at(before.feedMs)).toEqual(before);
  expect(moments.at(after.feedMs)).toEqual(after);
  expect(moments.at(after.feedMs + 500).wallMs).toBe(after.wallMs + 500);
});

test.each([
  ['nothing but a moment passed', 100, 100, false],
  ['the machine slept: only the wall clock went on', 100, 603_000, true],
  ['the process was stopped: both went on', 20_000, 20_000, true],
  ['the wall clock was set back', 100, -3_600_000, false],
])('hasStoodStill() is right, when %s', (_, feedMs, wallMs, expected) => {
  const { moments, pass } = createClocks();
  expect(moments.hasStoodStill()).toBe(false);
  pass(feedMs, wallMs);
  expect(moments.hasStoodStill()).toBe(expected);
  pass(100);
  expect(moments.hasStoodStill()).toBe(false);
});
