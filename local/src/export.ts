import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'cassandra-driver';
import { WINDOW_MS } from '@kandle/market/window/window';
import { type Cell, writeCsv } from './csv.ts';

/** What an export wrote. */
export interface ExportSummary {
  readonly trades: number;
  readonly candles: number;
}

const CANDLE_COLUMNS = [
  'feed',
  'symbol',
  'window_start_ms',
  'window_end_ms',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'avg_price',
  'count',
  'state',
] as const;

const TRADE_COLUMNS = ['feed', 'symbol', 'ts_ms', 'price', 'volume', 'trade_id'] as const;

/**
 * Writes `trades.csv` and `candles_5s.csv`, read back from the Cassandra views, sorted by feed, symbol and time
 * (trades also by id), so that two runs over the same recording give the same bytes.
 */
export async function exportViews(client: Client, keyspace: string, folder: string): Promise<ExportSummary> {
  mkdirSync(folder, { recursive: true });
  return {
    trades: await writeCsv(join(folder, 'trades.csv'), TRADE_COLUMNS, tradeRows(client, keyspace)),
    candles: await writeCsv(join(folder, 'candles_5s.csv'), CANDLE_COLUMNS, candleRows(client, keyspace)),
  };
}

interface Partition {
  readonly feed: string;
  readonly symbol: string;
  /** `hour` or `day` as the driver gives it. */
  readonly bucket: unknown;
}

/** The partitions of a view, in the order of feed, symbol and time. */
async function partitionsOf(
  client: Client,
  keyspace: string,
  table: string,
  bucket: string,
): Promise<Partition[]> {
  const partitions: Partition[] = [];
  const query = `SELECT DISTINCT feed, symbol, ${bucket} FROM ${keyspace}.${table}`;
  for await (const row of await client.execute(query, [], { prepare: true, fetchSize: 5_000 })) {
    partitions.push({ feed: String(row['feed']), symbol: String(row['symbol']), bucket: row[bucket] });
  }
  const key = ({ bucket: value }: Partition): string =>
    value instanceof Date ? value.toISOString() : String(value);
  return partitions.toSorted(
    (a, b) => compare(a.feed, b.feed) || compare(a.symbol, b.symbol) || compare(key(a), key(b)),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function* tradeRows(client: Client, keyspace: string): AsyncGenerator<readonly Cell[]> {
  const query = `SELECT time, id, price, size FROM ${keyspace}.trades WHERE feed = ? AND symbol = ? AND hour = ?`;
  for (const { feed, symbol, bucket } of await partitionsOf(client, keyspace, 'trades', 'hour')) {
    for await (const row of await client.execute(query, [feed, symbol, bucket], {
      prepare: true,
      fetchSize: 5_000,
    })) {
      yield [
        feed,
        symbol,
        epochMs(row['time']),
        Number(row['price']),
        Number(row['size']),
        String(row['id']),
      ];
    }
  }
}

async function* candleRows(client: Client, keyspace: string): AsyncGenerator<readonly Cell[]> {
  const query =
    'SELECT start, open, high, low, close, volume, vwap, mean_price, trade_count, state ' +
    `FROM ${keyspace}.candles_5s WHERE feed = ? AND symbol = ? AND day = ?`;
  for (const { feed, symbol, bucket } of await partitionsOf(client, keyspace, 'candles_5s', 'day')) {
    for await (const row of await client.execute(query, [feed, symbol, bucket], {
      prepare: true,
      fetchSize: 5_000,
    })) {
      const startMs = epochMs(row['start']);
      const numbers = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'mean_price', 'trade_count'].map(
        (name) => Number(row[name]),
      );
      yield [feed, symbol, startMs, startMs + WINDOW_MS, ...numbers, String(row['state'])];
    }
  }
}

function epochMs(value: unknown): number {
  if (!(value instanceof Date)) throw new RangeError('Cannot export a view: a time is missing');
  return value.getTime();
}
