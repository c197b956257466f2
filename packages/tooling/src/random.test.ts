import { expect, test } from 'vitest';
import { createRandom } from './random.ts';

const FAR_APART = [0, 1, 2, 3, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];

function first(seed: number, count: number): readonly number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.next());
}

test('createRandom() gives the same numbers for a seed, and others for another', () => {
  expect(first(7, 100)).toEqual(first(7, 100));
  expect(new Set(FAR_APART.map((seed) => first(seed, 4).join())).size).toBe(FAR_APART.length);
});

test('seeds that are neighbours do not begin alike', () => {
  const firsts = Array.from({ length: 10_000 }, (_, seed) => first(seed, 1)[0] ?? 0);
  const tenths = Array.from(
    { length: 10 },
    (_, n) => firsts.filter((one) => Math.floor(one * 10) === n).length,
  );
  for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  const steps = firsts.slice(1).filter((one, place) => Math.abs(one - (firsts[place] ?? 0)) < 0.01).length;
  expect(steps).toBeLessThan(300);
});

test('below(), chance() and pick() stay within their bounds and reach them', () => {
  const random = createRandom(1);
  expect(new Set(Array.from({ length: 200 }, () => random.below(3)))).toEqual(new Set([0, 1, 2]));
  expect(new Set(Array.from({ length: 200 }, () => random.pick(['a', 'b'])))).toEqual(new Set(['a', 'b']));
  expect([random.chance(0), random.chance(1), random.below(1)]).toEqual([false, true, 0]);
});

test('gaussian() and exponential() have the mean and the spread that they are named after', () => {
  const random = createRandom(1);
  const normal = Array.from({ length: 20_000 }, () => random.gaussian());
  const mean = normal.reduce((sum, one) => sum + one, 0) / normal.length;
  const variance = normal.reduce((sum, one) => sum + (one - mean) ** 2, 0) / normal.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  const waits = Array.from({ length: 20_000 }, () => random.exponential(5));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
  expect(Math.abs(waits.reduce((sum, one) => sum + one, 0) / waits.length - 5)).toBeLessThan(0.2);
});
