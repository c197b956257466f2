import { readFileSync } from 'node:fs';
import type { Client, types } from 'cassandra-driver';
import { describeError, RetryableError } from './errors.ts';

/** A line of a file of grants. */
const GRANT = /^GRANT (SELECT|MODIFY) ON TABLE \$\{keyspace\}\.(\w+) TO (\w+);$/gm;

/** What was changed, as `SELECT ON kandle.windows TO kandle_aggregate`. */
export interface GrantChanges {
  readonly granted: readonly string[];
  readonly revoked: readonly string[];
}

/**
 * Gives the roles of a file (`cql/grants.cql`) the rights that stand there, and takes away what else they have
 * in the keyspace or in all keyspaces. May be repeated.
 *
 * @param client Connected as one who may grant and may see what roles have.
 * @throws {RetryableError} If a role or a table is not there yet, or Cassandra refuses.
 */
export async function applyGrants(client: Client, file: string, keyspace: string): Promise<GrantChanges> {
  const wanted = Map.groupBy(
    [...readFileSync(file, 'utf8').matchAll(GRANT)].map(([, right = '', table = '', role = '']) => ({
      role,
      right: `${right} ON TABLE ${keyspace}.${table}`,
    })),
    ({ role }) => role,
  );
  const granted: string[] = [];
  const revoked: string[] = [];
  for (const [role, lines] of wanted) {
    const rights = new Set(lines.map(({ right }) => right));
    const held = await heldBy(client, role, keyspace);
    for (const right of rights.difference(held)) {
      await run(client, `GRANT ${right} TO ${role}`);
      granted.push(`${right} TO ${role}`);
    }
    for (const right of held.difference(rights)) {
      await run(client, `REVOKE ${right} FROM ${role}`);
      revoked.push(`${right} FROM ${role}`);
    }
  }
  return { granted, revoked };
}

/** The rights of a role in a keyspace and in all of them, as they stand in a GRANT. */
async function heldBy(client: Client, role: string, keyspace: string): Promise<ReadonlySet<string>> {
  const result: { readonly rows?: readonly types.Row[] } = await run(
    client,
    `LIST ALL PERMISSIONS OF ${role} NORECURSIVE`,
  );
  return new Set(
    // Where there is nothing to list, the answer has no rows at all.
    (result.rows ?? []).flatMap((row) => {
      // `<table kandle.windows>`, `<keyspace kandle>`, `<all tables in kandle>`, `<all keyspaces>`.
      const resource = String(row['resource']).slice(1, -1);
      const isHere =
        resource === 'all keyspaces' ||
        resource === `keyspace ${keyspace}` ||
        resource === `all tables in ${keyspace}` ||
        resource.startsWith(`table ${keyspace}.`);
      return isHere ? [`${row['permission']} ON ${cqlOf(resource)}`] : [];
    }),
  );
}

function cqlOf(resource: string): string {
  return resource
    .replace(/^all tables in /, 'ALL TABLES IN KEYSPACE ')
    .replace(/^all keyspaces$/, 'ALL KEYSPACES')
    .replace(/^(table|keyspace) /, (kind) => kind.toUpperCase());
}

/** Names cannot be bound values; ours hold lower case letters, digits and underscores only. */
async function run(client: Client, statement: string) {
  try {
    return await client.execute(statement, [], { prepare: false });
  } catch (error) {
    throw new RetryableError(`Cannot ${statement}: ${describeError(error)}`, { cause: error });
  }
}
