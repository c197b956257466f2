import { type Client, errors } from 'cassandra-driver';

/**
 * Whether Cassandra lets a statement through: an answer that it makes no sense came after the question of
 * rights.
 */
export async function passes(
  client: Client,
  statement: string,
  params: readonly unknown[] = [],
  prepare = params.length > 0,
): Promise<boolean> {
  try {
    await client.execute(statement, [...params], { prepare });
    return true;
  } catch (error) {
    if (!(error instanceof errors.ResponseError)) throw error;
    return error.code !== UNAUTHORIZED;
  }
}

const UNAUTHORIZED = 0x2100;

/** The columns of each table's partition key. */
export async function keysOf(
  client: Client,
  keyspace: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await client.execute(
    'SELECT table_name, column_name, kind FROM system_schema.columns WHERE keyspace_name = ?',
    [keyspace],
    { prepare: true },
  );
  const keys = Map.groupBy(
    rows.filter((row) => row['kind'] === 'partition_key'),
    (row) => String(row['table_name']),
  );
  return new Map(
    Array.from(keys, ([table, columns]) => [table, columns.map((row) => String(row['column_name']))]),
  );
}

/**
 * Tries SELECT, MODIFY and what changes the table; none of them changes anything, but where too much is
 * allowed.
 */
export async function verbsOn(
  client: Client,
  keyspace: string,
  table: string,
  key: readonly string[],
): Promise<readonly string[]> {
  const name = `${keyspace}.${table}`;
  const where = key.map((column) => `${column} = ?`).join(' AND ');
  // A key of nulls is refused, after the question of rights.
  const nobody = key.map(() => null);
  const tried = {
    SELECT: passes(client, `SELECT * FROM ${name} LIMIT 1`),
    MODIFY: passes(client, `DELETE FROM ${name} WHERE ${where}`, nobody),
    ALTER: passes(client, `ALTER TABLE ${name} DROP there_is_no_such_column`),
    DROP: passes(client, `DROP TABLE ${name}`),
    AUTHORIZE: passes(client, `GRANT SELECT ON TABLE ${name} TO kandle_console`),
  };
  const verbs = await Promise.all(
    Object.entries(tried).map(async ([verb, passed]) => ((await passed) ? [verb] : [])),
  );
  return verbs.flat();
}
