import { expect, test } from 'vitest';
import { createFaultyStores } from '../test/faulty-stores.ts';
import { createMemoryStores } from '../test/memory-stores.ts';
import { judge } from '../test/oracle.ts';
import { createRandom } from '@kandle/testkit/random';
import { createRawLog } from '../test/raw-log.ts';
import { aggregateSchedule } from '../test/schedule.ts';

/** Schedules per run: few in `npm run check`; `SCHEDULES=10000` for the long run. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 300);
const SHARD = 'test-00';
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

test(`aggregate() ends with the naive candles, when ${SCHEDULES} seeded schedules bring crashes, repeats, gaps, restarts and unknown outcomes`, async () => {
  const wrong: string[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const random = createRandom(seed);
    const raw = createRawLog(random, SHARD);
    const stores = createMemoryStores();
    const published = await aggregateSchedule(random, raw, createFaultyStores(stores));
    const faults = await judge(SHARD, raw, stores, published);
    if (faults.length > 0) wrong.push(`seed ${seed}: ${faults.join(', ')}`);
  }
  expect(wrong).toEqual([]);
}, 600_000);
