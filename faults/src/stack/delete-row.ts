import type { Client } from 'cassandra-driver';

/** A row that was deleted. */
export interface DeletedRow {
  readonly table: string;
  isBack(): Promise<boolean>;
}

/** Deletes a row of a table, as somebody's hand would. @throws {Error} If there is none. */
export async function deleteRow(client: Client, keyspace: string, table: string): Promise<DeletedRow> {
  const { partitionKeys, clusteringKeys } = await client.metadata.getTable(keyspace, table);
  const names = [...partitionKeys, ...clusteringKeys].map(({ name }) => name);
  const row = (await client.execute(`SELECT ${names.join(', ')} FROM ${keyspace}.${table} LIMIT 1`)).first();
  if (row === null) throw new Error(`Cannot delete a row of ${table}: there is none`);
  const isIt = names.map((name) => `${name} = ?`).join(' AND ');
  const key = names.map((name): unknown => row.get(name));
  await client.execute(`DELETE FROM ${keyspace}.${table} WHERE ${isIt}`, key, { prepare: true });
  return {
    table,
    async isBack() {
      const query = `SELECT ${names.join(', ')} FROM ${keyspace}.${table} WHERE ${isIt}`;
      return (await client.execute(query, key, { prepare: true })).rowLength > 0;
    },
  };
}
