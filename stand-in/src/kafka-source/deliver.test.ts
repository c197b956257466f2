import { expect, test } from 'vitest';
import { backoffMs } from './deliver.ts';
import type { DeliveryPlan } from '@kandle/knative/plan';

test('backoffMs() is delay times n, or delay times 2 to the n, without cap', () => {
  const linear = { backoffPolicy: 'linear', backoffDelayMs: 5_000 } as DeliveryPlan;
  expect([1, 2, 3, 60].map((n) => backoffMs(linear, n))).toEqual([5_000, 10_000, 15_000, 300_000]);
  const exponential = { backoffPolicy: 'exponential', backoffDelayMs: 300 } as DeliveryPlan;
  expect([1, 2, 3, 10].map((n) => backoffMs(exponential, n))).toEqual([600, 1_200, 2_400, 307_200]);
});
