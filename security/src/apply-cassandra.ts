import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import type { Client } from 'cassandra-driver';
import type { Login } from './secrets.ts';

/** What every new Cassandra with passwords begins with. */
const FIRST = { name: 'cassandra', password: 'cassandra' } as const;

/**
 * Makes the roles that are not there yet, and gives each the password that it has now. They may log in, and
 * nothing more: their rights come from `cql/grants.cql`.
 *
 * @param client Connected as a superuser.
 */
export async function applyRoles(client: Client, logins: readonly Login[]): Promise<void> {
  const { rows } = await client.execute('LIST ROLES', [], { prepare: false });
  const existing = new Set(rows.map((row) => String(row['role'])));
  // A password cannot be a bound value here. Each is hashed slowly, so they go side by side.
  await Promise.all(
    logins.map(({ name, password }) =>
      client.execute(
        `${existing.has(name) ? 'ALTER' : 'CREATE'} ROLE ${name} WITH PASSWORD = ${quoted(password)} AND LOGIN = true AND SUPERUSER = false`,
        [],
        { prepare: false },
      ),
    ),
  );
}

/**
 * Makes the administrator of a new Cassandra, and closes the role `cassandra` that it comes with. Does nothing
 * where that is closed already.
 *
 * @param settings Where it is; the login in it is not used.
 */
export async function replaceDefaultSuperuser(
  settings: CassandraSettings,
  admin: Pick<Login, 'name' | 'password'>,
): Promise<void> {
  const isOpen = await runAs(settings, admin, async () => true).catch(() => false);
  if (!isOpen)
    await runAs(settings, FIRST, (client) =>
      client.execute(
        `CREATE ROLE IF NOT EXISTS ${admin.name} WITH PASSWORD = ${quoted(admin.password)} AND LOGIN = true AND SUPERUSER = true`,
        [],
        { prepare: false },
      ),
    );
  await runAs(settings, admin, (client) =>
    client.execute('ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false', [], { prepare: false }),
  );
}

async function runAs<Result>(
  settings: CassandraSettings,
  login: Pick<Login, 'name' | 'password'>,
  act: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = createCassandra(settings, { useKeyspace: false, login });
  try {
    await client.connect();
    return await act(client);
  } finally {
    await client.shutdown();
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
