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
  const windows = await client.execute('SELECT shard, window_start, applied, symbols FROM windows', [], {
    prepare: true,
    fetchSize: 1_000,
  });
  for await (const row of windows) {
    const { rows: symbols } = JSON.parse(String(row['symbols'] ?? '{"rows":[]}')) as {
      rows: (string | number)[][];
    };
    const place = `windows ${row['shard']} ${(row['window_start'] as Date).getTime()}`;
    rows.set(place, String(row['applied']));
    for (const [symbol, , , , ...columns] of symbols) rows.set(`${place} ${symbol}`, columns.join(' '));
  }
  return rows;
}
