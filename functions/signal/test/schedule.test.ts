import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { createRandom } from '@kandle/testkit/random';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createStateStore } from '../src/cassandra-store.ts';
import { createCandleLog } from './candle-log.ts';
import { createFaultyDatabase } from './faulty-store.ts';
import { judge } from './oracle.ts';
import { runSchedule } from './schedule.ts';
import { SETTINGS } from './settings.ts';

/** Schedules per run; `SCHEDULES=300` for the long run, `FIRST_SEED` for others. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 20);
const FIRST_SEED = Number(process.env['FIRST_SEED'] ?? 1);
/** Schedules side by side, each on a shard of its own. */
const LANES = 4;

const KEYSPACE = `signal_schedules_${Date.now()}`;
const { contactPoints, port } = inject('cassandra');
const settings = CassandraEnv.parse({
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(port),
  CASSANDRA_KEYSPACE: KEYSPACE,
});
const client = createCassandra(settings);
const schemaClient = createCassandra(settings, { useKeyspace: false });

beforeAll(async () => {
  await migrate(schemaClient, join(import.meta.dirname, '../../../cql'), laptopSchemaValues(KEYSPACE));
  await client.connect();
});

afterAll(async () => {
  await schemaClient.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
  await Promise.all([client.shutdown(), schemaClient.shutdown()]);
});

async function faultsOf(seed: number): Promise<readonly string[]> {
  const shard = `seed${seed}-00`;
  const random = createRandom(seed);
  const log = createCandleLog(random, shard);
  const database = createFaultyDatabase(createStateStore(client));
  const published = await runSchedule(random, log, database, SETTINGS);
  return await judge(shard, log, database.store, published, SETTINGS);
}

test(`signal() ends with the naive series on a real Cassandra, when ${SCHEDULES} seeded schedules bring crashes, repeats and unknown outcomes`, async () => {
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
