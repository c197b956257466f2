import type { Client } from 'cassandra-driver';

const TABLES = [
  {
    table: 'trades',
    key: ['feed', 'symbol', 'time', 'id'],
    columns: ['price', 'size'],
  },
  {
    table: 'candles_5s',
    key: ['feed', 'symbol', 'start'],
    columns: ['open', 'high', 'low', 'close', 'volume', 'trade_count', 'complete'],
  },
  {
    table: 'windows',
    key: ['shard', 'window_start', 'symbol'],
    columns: [
      'applied',
      'open_e8',
      'high_e8',
      'low_e8',
      'close_e8',
      'volume_e8',
      'trade_count',
      'id_hash_sum',
    ],
  },
] as const;

/**
 * Every row of `trades`, `candles_5s` and `windows`, by what it says of the market: `<table> <key>` to its
 * values.
 */
export async function snapshot(client: Client): Promise<ReadonlyMap<string, string>> {
  const rows = new Map<string, string>();
  for (const { table, key, columns } of TABLES) {
    const query = `SELECT ${[...key, ...columns].join(', ')} FROM ${table}`;
    for await (const row of await client.execute(query, [], { prepare: true, fetchSize: 1_000 })) {
      const show = (name: string): string => {
        const value: unknown = row.get(name);
        return value instanceof Date ? String(value.getTime()) : String(value);
      };
      rows.set([table, ...key.map(show)].join(' '), columns.map(show).join(' '));
    }
  }
  return rows;
}
