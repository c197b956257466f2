import { expect, test } from 'vitest';
import { memoryLimitMb, nodeMemoryOptions } from './memory.ts';

test.each([
  [{ limits: { memory: '256Mi' } }, 256],
  [{ limits: { memory: '1Gi' } }, 1_024],
  [{ limits: { memory: '131072Ki' } }, 128],
  [{ limits: { memory: '0.5Gi' } }, 512],
  [{ limits: { cpu: '1' } }, null],
  [{ limits: {} }, null],
])('memoryLimitMb() reads %j as %j', (resources, limit) => {
  expect(memoryLimitMb(resources)).toBe(limit);
});

test('nodeMemoryOptions() gives the heap half of the limit, and says nothing without one', () => {
  expect(nodeMemoryOptions(256)).toEqual([
    '--max-old-space-size=128',
    '--max-semi-space-size=16',
    '--heap-growing-percent=100',
  ]);
  expect(nodeMemoryOptions(null)).toEqual([]);
});
