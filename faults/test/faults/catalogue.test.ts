import { createRandom } from '@kandle/tooling/random';
import { afterAll, beforeAll, test } from 'vitest';
import { ALL_FAULTS } from '../../src/catalogue/all-faults.ts';
import { until } from '../../src/catalogue/fault.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { expectClean, MAY_KILL_SERVERS, rateOf, SEED, startTestStack, tell } from '../test-stack.ts';

const RATE = rateOf(400);
let stack: Stack;
let end: () => Promise<void>;

beforeAll(async () => {
  ({ stack, end } = await startTestStack({ rate: RATE, maySleep: true }));
});
afterAll(() => end?.());

for (const [place, fault] of ALL_FAULTS.entries()) {
  test.skipIf(fault.killsServers === true && !MAY_KILL_SERVERS)(
    `every trade counts once, when ${fault.name}`,
    { timeout: 600_000 },
    async () => {
      const { trades } = stack.feed.stats();
      await until('the market trades', () => stack.feed.stats().trades > trades + RATE);
      tell(`${fault.name} …`);
      await fault.inject(stack, createRandom(SEED * 1_000 + place));
      const after = stack.feed.stats().trades;
      await until('the market trades on', () => stack.feed.stats().trades > after + RATE);
      await expectClean(stack);
    },
  );
}
