import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { until } from '../../src/catalogue/fault.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const PRELOAD = fileURLToPath(new URL('../../src/clock-shift.ts', import.meta.url));
const TEN_MINUTES_MS = 600_000;
const RATE = rateOf(400);
const StatusSchema = z.object({ epoch: z.number() });

test.each([
  { what: 'ingest and persist are ten minutes ahead, transform and aggregate ten behind', sign: 1 },
  { what: 'ingest and persist are ten minutes behind, transform and aggregate ten ahead', sign: -1 },
])('every trade counts once, when the clocks of $what', async ({ sign }) => {
  const shiftOf = (name: string): number =>
    (['ingest', 'persist'].includes(name) ? sign : -sign) * TEN_MINUTES_MS;
  const { stack, end } = await startTestStack({
    rate: RATE,
    processEnv: (name) => ({
      NODE_OPTIONS: `--import=${PRELOAD}`,
      CLOCK_SHIFT_MS: String(shiftOf(name)),
    }),
  });
  onTestFinished(end);
  await until('enough trades', () => stack.feed.stats().trades >= 20 * RATE);
  // The clock is wrong indeed: ingest's epoch is its wall clock at its start.
  const response = await fetch(new URL('/status', stack.pipeline.ingest?.url()));
  const { epoch } = StatusSchema.parse(await response.json());
  expect(Math.abs(epoch - Date.now() - sign * TEN_MINUTES_MS)).toBeLessThan(120_000);
  // Also after a restart: what is read back was stored by the broker's clock.
  stack.pipeline.ingest?.kill();
  const { trades } = stack.feed.stats();
  await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
  await expectClean(stack);
});

test('a machine of ingest that sleeps for ten minutes: the whole gap is told, and every trade after it counts', async () => {
  const { stack, end } = await startTestStack({
    rate: RATE,
    processEnv: (name) =>
      name === 'ingest' ? { NODE_OPTIONS: `--import=${PRELOAD}`, SUSPEND_MS: String(TEN_MINUTES_MS) } : {},
  });
  onTestFinished(end);
  await until('enough trades', () => stack.feed.stats().trades >= 10 * RATE);
  // It wakes up on a line that broke meanwhile, in a market that went on.
  process.kill(stack.pipeline.ingest?.pid() ?? Number.NaN, 'SIGUSR2');
  stack.feed.skipAhead(TEN_MINUTES_MS);
  stack.feed.breakLine();
  const { trades } = stack.feed.stats();
  await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
  await expectClean(stack);
  const { rows } = await stack.pipeline.client.execute(
    `SELECT reason, from_time, to_time FROM ${stack.options.keyspace}.feed_gaps`,
  );
  const longest = Math.max(...rows.map((row) => Number(row['to_time']) - Number(row['from_time'])));
  expect(longest).toBeGreaterThanOrEqual(TEN_MINUTES_MS);
  expect(longest).toBeLessThan(TEN_MINUTES_MS + 120_000);
});
