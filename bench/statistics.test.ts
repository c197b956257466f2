import { expect, test } from 'vitest';
import { growthOf } from './statistics.ts';

const HOUR = Array.from({ length: 720 }, (_, n) => n / 720);
/** A heap of 80 MB that doubles until it is collected, four times an hour. */
const wave = (hours: number): number => 80 + 80 * ((hours * 4) % 1);

test.each<[string, (hours: number) => number, number]>([
  ['one that stays', () => 80, 0],
  ['a leak of 20 MB an hour', (hours) => 80 + 20 * hours, 20],
  ['waves, the last of which is cut off at its top', (hours) => wave(hours * 0.999), 0],
  ['waves over a leak of 40 MB an hour', (hours) => wave(hours) + 40 * hours, 40],
  ['one that was collected once, early', (hours) => (hours > 0.2 && hours < 0.3 ? 50 : 80), 0],
  ['one that has become less', (hours) => 120 - 40 * hours, -40],
])('growthOf() knows %s', (_, memory, perHour) => {
  const growth = growthOf(HOUR.map((hours) => [hours, memory(hours)] as const));
  expect(growth).toBeGreaterThan(perHour - 10);
  expect(growth).toBeLessThan(perHour + 10);
});
