import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(1_000);
const OVERLOAD_MS = 60_000;
/** Of the manifests: what a container gets. */
const LIMITS_MB: Readonly<Record<string, number>> = {
  ingest: 512,
  transform: 192,
  aggregate: 256,
  persist: 256,
};

test('memory stays bounded, the lag drains and order is kept, when ten times as much comes for a minute', async () => {
  const { stack, end } = await startTestStack({ rate: RATE });
  onTestFinished(end);
  await until('enough trades', () => stack.feed.stats().trades >= 5 * RATE);
  const before = stack.feed.stats().trades;
  stack.feed.setRate(10 * RATE);
  await sleep(OVERLOAD_MS);
  stack.feed.setRate(RATE);
  const during = stack.feed.stats().trades - before;
  expect(during).toBeGreaterThan((5 * RATE * OVERLOAD_MS) / 1_000);
  // Candles know their first and last trade by arrival: the audit finds any batch out of its order.
  await expectClean(stack);
  const peaks = stack.memory.peaks();
  console.error(`overload: ${during} trades in ${OVERLOAD_MS / 1_000} s; largest memory`, peaks);
  for (const [name, limit] of Object.entries(LIMITS_MB)) {
    expect(peaks[name], name).toBeGreaterThan(0);
    expect(peaks[name], name).toBeLessThan(limit);
  }
});
