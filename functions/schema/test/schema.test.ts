import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { afterAll, expect, inject, test } from 'vitest';

const KEYSPACE = `schema_${Date.now()}`;
const ROOT = join(import.meta.dirname, '../../..');
const { contactPoints, port } = inject('cassandra');
const env = {
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(port),
  CASSANDRA_KEYSPACE: KEYSPACE,
};
const client = createCassandra(CassandraEnv.parse(env), { useKeyspace: false });

afterAll(async () => {
  await client.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
  await client.shutdown();
});

/** Runs the program as the Job does, and waits for its end. */
async function runSchema(more: Readonly<Record<string, string>>): Promise<{ code: unknown; stderr: string }> {
  const child = spawn(process.execPath, [join(ROOT, 'functions/schema/src/index.ts')], {
    cwd: ROOT,
    env: {
      ...env,
      CASSANDRA_REPLICATION: "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
      ...more,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, stderr };
}

test('the schema program applies every step once, with the copies and the times to live it is told', async () => {
  const first = await runSchema({ WINDOWS_DAYS: '20' });
  expect(first).toMatchObject({ code: 0 });
  expect(first.stderr).toMatch(/"applied":\["001-keyspace\.cql","002-windows\.cql"/);
  const again = await runSchema({ WINDOWS_DAYS: '20' });
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain('nothing to do');

  const keyspace = await client.execute(
    'SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?',
    [KEYSPACE],
  );
  expect(keyspace.first()?.['replication']).toMatchObject({ datacenter1: '1' });
  const windows = await client.execute(
    "SELECT default_time_to_live FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'windows'",
    [KEYSPACE],
  );
  expect(windows.first()?.['default_time_to_live']).toBe(20 * 86_400);
});

test('the schema program ends with one line and exit code 1, when it cannot do what it is told', async () => {
  // The test's Cassandra has no roles: it refuses to grant, as one does to whoever may not.
  const refused = await runSchema({ GRANT_TO_ROLE: 'kandle', LOG_LEVEL: 'silent' });
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.stderr).toMatch(/^schema: Cannot grant SELECT to kandle: .+\n$/);
  const malformed = await runSchema({ CASSANDRA_REPLICATION: "{'class': 'x'}; DROP KEYSPACE system" });
  expect(malformed).toMatchObject({ code: 1 });
  expect(malformed.stderr).toMatch(/^schema: Cannot start: CASSANDRA_REPLICATION: expected a CQL map/);
});
