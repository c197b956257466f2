import { expect, test } from 'vitest';
import { createRandom } from '@kandle/testkit/random';
import { createCandleLog, SHARD } from '../test/candle-log.ts';
import { createFaultyStates } from '../test/faulty-states.ts';
import { createMemoryStore } from '../test/memory-store.ts';
import { judge } from '../test/oracle.ts';
import { signalSchedule } from '../test/schedule.ts';
import { SETTINGS } from '../test/settings.ts';

/** Schedules per run: few in `npm run check`; `SCHEDULES=10000` for the long run. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 100);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

test(`signal() ends with the naive series, when ${SCHEDULES} seeded schedules bring crashes, repeats and unknown outcomes`, async () => {
  const wrong: string[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const random = createRandom(seed);
    const log = createCandleLog(random);
    const database = createFaultyStates(createMemoryStore());
    const published = await signalSchedule(random, log, database);
    const faults = await judge(SHARD, log, database.stores, published, SETTINGS);
    if (faults.length > 0) wrong.push(`seed ${seed}: ${faults.join(', ')}`);
  }
  expect(wrong).toEqual([]);
}, 3_600_000);
