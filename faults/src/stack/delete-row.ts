import type { Client } from 'cassandra-driver';

/** Deletes a row of a table, as somebody's hand would. @throws {Error} If there is none. */
export async function deleteRow(client: Client, keyspace: string, table: string): Promise<void> {
  const { partitionKeys, clusteringKeys } = await client.metadata.getTable(keyspace, table);
  const keys = [...partitionKeys, ...clusteringKeys].map(({ name }) => name);
  const row = (await client.execute(`SELECT ${keys.join(', ')} FROM ${keyspace}.${table} LIMIT 1`)).first();
  if (row === null) throw new Error(`Cannot delete a row of ${table}: there is none`);
  await client.execute(
    `DELETE FROM ${keyspace}.${table} WHERE ${keys.map((name) => `${name} = ?`).join(' AND ')}`,
    keys.map((name): unknown => row.get(name)),
    { prepare: true },
  );
}
