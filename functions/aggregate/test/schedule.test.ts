import { expect, test } from 'vitest';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { createFaultyStores } from './faulty-stores.ts';
import { judge } from './oracle.ts';
import { createRandom } from '@kandle/testkit/random';
import { createRawLog } from './raw-log.ts';
import { aggregateSchedule } from './schedule.ts';

/** Schedules per run; `SCHEDULES=300` for the long run, `FIRST_SEED` for others. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 40);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);
/** Schedules side by side, each on a shard of its own. */
const LANES = 4;
/** Statements let through at once: real races, so that a seed makes the same faults, but not the same outcome. */
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

test(`aggregate() ends with the naive candles on a real Cassandra, when ${SCHEDULES} seeded schedules bring crashes, repeats, gaps, restarts and unknown outcomes`, async () => {
  const wrong: string[] = [];
  const seeds = Array.from({ length: SCHEDULES }, (_, n) => FIRST_SEED + n).values();
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      for (const seed of seeds) {
        const faults = await faultsOf(seed);
        if (faults.length > 0) wrong.push(`seed ${seed}: ${faults.join(', ')}`);
      }
    }),
  );
  expect(wrong).toEqual([]);
}, 1_200_000);
