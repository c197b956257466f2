import { createRandom } from '@kandle/tooling/random';
import { seededRuns } from '@kandle/testkit/seeded-runs';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createStateStore } from '../src/cassandra-store.ts';
import { createCandleLog } from './candle-log.ts';
import { createFaultyStates } from './faulty-states.ts';
import { judge } from './oracle.ts';
import { signalSchedule } from './schedule.ts';
import { SETTINGS } from './settings.ts';

/** `SCHEDULES=300` for the long run, `FIRST_SEED` for others. */
const runs = seededRuns(20);
/** Schedules side by side, each on a shard of its own. */
const LANES = 4;
/**
 * Statements let through at once: real races, so that a seed makes the same faults, but not the same outcome.
 */
const AT_ONCE = 3;

const { client } = useTestKeyspace('signal_schedules');

async function faultsOf(seed: number): Promise<readonly string[]> {
  const shard = `seed${seed}-00`;
  const random = createRandom(seed);
  const log = createCandleLog(random, shard);
  const database = createFaultyStates(createStateStore(client));
  const published = await signalSchedule(random, log, database, AT_ONCE);
  return await judge(shard, log, database.stores, published, SETTINGS);
}

test(`signal() ends with the naive series on a real Cassandra, when ${runs.count} seeded schedules bring crashes, repeats and unknown outcomes`, async () => {
  expect(await runs.judge(faultsOf, LANES)).toEqual([]);
}, 1_200_000);
