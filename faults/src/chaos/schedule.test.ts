import { expect, test } from 'vitest';
import type { Fault } from '../catalogue/fault.ts';
import { scheduleFaults } from './schedule.ts';

const FAULTS: readonly Fault[] = Array.from({ length: 12 }, (_, n) => ({
  name: `fault ${n}`,
  inject: async () => undefined,
}));

const first = (seed: number, count: number) => scheduleFaults(FAULTS, seed).take(count).toArray();

test('scheduleFaults() gives the same schedule from the same seed, and another from another', () => {
  expect(first(7, 50)).toEqual(first(7, 50));
  expect(first(7, 50)).not.toEqual(first(8, 50));
});

test('scheduleFaults() comes to every fault before it comes to one again', () => {
  for (let seed = 0; seed < 20; seed++) {
    const names = first(seed, 24).map(({ fault }) => fault.name);
    for (const round of [names.slice(0, 12), names.slice(12)]) expect(new Set(round).size).toBe(12);
  }
});
