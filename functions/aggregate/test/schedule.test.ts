import { expect, test } from 'vitest';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { createFaultyStores } from './faulty-stores.ts';
import { judge } from './oracle.ts';
import { createRandom } from '@kandle/tooling/random';
import { seededRuns } from '@kandle/testkit/seeded-runs';
import { createRawLog } from './raw-log.ts';
import { aggregateSchedule } from './schedule.ts';

/** `SCHEDULES=300` for the long run, `FIRST_SEED` for others. */
const runs = seededRuns(40);
/** Schedules side by side, each on a shard of its own. */
const LANES = 4;
/**
 * Statements let through at once: real races, so that a seed makes the same faults, but not the same outcome.
 */
const AT_ONCE = 3;

const { client } = useTestKeyspace('schedules');
const stores = { windows: createWindowStore(client), shards: createShardStore(client) };

async function faultsOf(seed: number): Promise<readonly string[]> {
  const shard = `seed${seed}-00`;
  const random = createRandom(seed);
  const raw = createRawLog(random, shard);
  const published = await aggregateSchedule(random, raw, createFaultyStores(stores), AT_ONCE);
  return await judge(shard, raw, stores, published);
}

test(`aggregate() ends with the naive candles on a real Cassandra, when ${runs.count} seeded schedules bring crashes, repeats, gaps, restarts and unknown outcomes`, async () => {
  expect(await runs.judge(faultsOf, LANES)).toEqual([]);
}, 1_200_000);
