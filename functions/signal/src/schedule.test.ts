import { createRandom } from '@kandle/tooling/random';
import { seededRuns } from '@kandle/testkit/seeded-runs';
import { expect, test } from 'vitest';
import { createCandleLog, SHARD } from '../test/candle-log.ts';
import { createFaultyStates } from '../test/faulty-states.ts';
import { createMemoryStore } from '../test/memory-store.ts';
import { judge } from '../test/oracle.ts';
import { signalSchedule } from '../test/schedule.ts';
import { SETTINGS } from '../test/settings.ts';

/** Few in `npm run check`; `SCHEDULES=10000` for the long run. */
const runs = seededRuns(40);

async function faultsOf(seed: number): Promise<readonly string[]> {
  const random = createRandom(seed);
  const log = createCandleLog(random);
  const database = createFaultyStates(createMemoryStore());
  const published = await signalSchedule(random, log, database);
  return await judge(SHARD, log, database.stores, published, SETTINGS);
}

test(`signal() ends with the naive series, when ${runs.count} seeded schedules bring crashes, repeats and unknown outcomes`, async () => {
  expect(await runs.judge(faultsOf)).toEqual([]);
}, 3_600_000);
