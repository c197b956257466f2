import { expect, test } from 'vitest';
import { createMemoryDatabase } from '../test/memory-stores.ts';
import { judge } from '../test/oracle.ts';
import { createRandom } from '../test/random.ts';
import { createRawLog } from '../test/raw-log.ts';
import { runSchedule } from '../test/schedule.ts';

/** Schedules per run: few in `npm run check`; `SCHEDULES=10000` for the long run. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 300);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);

test(`aggregate() ends with the naive candles, when ${SCHEDULES} seeded schedules bring crashes, repeats and unknown outcomes`, async () => {
  const wrong: string[] = [];
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const random = createRandom(seed);
    const raw = createRawLog(random);
    const database = createMemoryDatabase();
    const published = await runSchedule(random, raw, database);
    const faults = judge(raw, database, published);
    if (faults.length > 0) wrong.push(`seed ${seed}: ${faults.join(', ')}`);
  }
  expect(wrong).toEqual([]);
}, 600_000);
