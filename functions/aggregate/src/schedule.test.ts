import { createRandom } from '@kandle/tooling/random';
import { seededRuns } from '@kandle/testkit/seeded-runs';
import { expect, test } from 'vitest';
import { createFaultyStores } from '../test/faulty-stores.ts';
import { createMemoryStores } from '../test/memory-stores.ts';
import { judge } from '../test/oracle.ts';
import { createRawLog } from '../test/raw-log.ts';
import { aggregateSchedule } from '../test/schedule.ts';

/** Few in `npm run check`; `SCHEDULES=10000` for the long run. */
const runs = seededRuns(300);
const SHARD = 'test-00';

test(`aggregate() ends with the naive candles, when ${runs.count} seeded schedules bring crashes, repeats, gaps, restarts and unknown outcomes`, async () => {
  const wrong = await runs.judge(async (seed) => {
    const random = createRandom(seed);
    const raw = createRawLog(random, SHARD);
    const stores = createMemoryStores();
    const published = await aggregateSchedule(random, raw, createFaultyStores(stores));
    return await judge(SHARD, raw, stores, published);
  });
  expect(wrong).toEqual([]);
}, 600_000);
