import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client, types } from 'cassandra-driver';
import { WINDOW_MS } from '@kandle/market/window/window';
import { type Cell, writeCsv } from './csv.ts';

/** What an export wrote. */
export interface ExportSummary {
  readonly trades: number;
  readonly candles: number;
  readonly instruments: number;
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
  'sampled',
  'price_rank',
] as const;

const INSTRUMENT_COLUMNS = [
  'feed',
  'symbol',
  'valid_from_ms',
  'valid_to_ms',
  'id',
  'status',
  'description',
  'market',
  'currency',
  'type',
  'figi',
  'isin',
] as const;

const TRADE_COLUMNS = ['feed', 'symbol', 'ts_ms', 'price', 'volume', 'trade_id', 'conditions'] as const;

/**
 * Writes `trades.csv`, `candles_5s.csv` and `instruments.csv`, read back from the Cassandra views, sorted by
 * feed, symbol and time (trades also by id), so that two runs over the same recording give the same bytes.
 */
export async function exportViews(client: Client, keyspace: string, folder: string): Promise<ExportSummary> {
  mkdirSync(folder, { recursive: true });
  return {
    trades: await writeCsv(join(folder, 'trades.csv'), TRADE_COLUMNS, tradeRows(client, keyspace)),
    candles: await writeCsv(join(folder, 'candles_5s.csv'), CANDLE_COLUMNS, candleRows(client, keyspace)),
    instruments: await writeCsv(
      join(folder, 'instruments.csv'),
      INSTRUMENT_COLUMNS,
      instrumentRows(client, keyspace),
    ),
  };
}

/** A partition that has rows of a symbol. */
interface Place {
  readonly shard: string;
  readonly bucket: Date;
}

/** A symbol, where its rows are, in the order of time, and how many there are. */
interface SymbolPlaces {
  readonly feed: string;
  readonly symbol: string;
  readonly places: Place[];
  rows: number;
}

/** Rows that are held at once, so that symbols with few rows are read together. */
const HELD_ROWS = 20_000;
const FETCH_SIZE = 5_000;

/** Where the rows of each symbol are, in the order of feed and symbol. */
async function placesOf(client: Client, table: string): Promise<readonly SymbolPlaces[]> {
  const found = new Map<string, SymbolPlaces>();
  const query = `SELECT feed, shard, bucket, symbol, count(*) AS rows FROM ${table} GROUP BY feed, shard, bucket, symbol`;
  for await (const row of await client.execute(query, [], { prepare: true, fetchSize: FETCH_SIZE })) {
    const [feed, symbol] = [String(row['feed']), String(row['symbol'])];
    const key = `${feed} ${symbol}`;
    const of = found.get(key) ?? { feed, symbol, places: [], rows: 0 };
    of.places.push({ shard: String(row['shard']), bucket: new Date(epochMs(row['bucket'])) });
    of.rows += Number(row['rows']);
    found.set(key, of);
  }
  for (const { places } of found.values()) places.sort((a, b) => a.bucket.getTime() - b.bucket.getTime());
  return [...found.values()].toSorted((a, b) => compare(a.feed, b.feed) || compare(a.symbol, b.symbol));
}

/** Symbols one after the other, as many together as hold so many rows, of one feed. */
function* groupsOf(symbols: readonly SymbolPlaces[]): Generator<readonly SymbolPlaces[]> {
  let group: SymbolPlaces[] = [];
  let held = 0;
  for (const one of symbols) {
    if (group.length > 0 && (held + one.rows > HELD_ROWS || group[0]?.feed !== one.feed)) {
      yield group;
      group = [];
      held = 0;
    }
    group.push(one);
    held += one.rows;
  }
  if (group.length > 0) yield group;
}

/** Every row of a view, in the order of feed, symbol and the rest of its key. */
async function* rowsOf(
  client: Client,
  table: string,
  columns: string,
): AsyncGenerator<{ readonly feed: string; readonly symbol: string; readonly row: types.Row }> {
  const query = `SELECT symbol, ${columns} FROM ${table} WHERE feed = ? AND shard = ? AND bucket = ? AND symbol IN ?`;
  for (const group of groupsOf(await placesOf(client, table))) {
    const feed = group[0]?.feed ?? '';
    const symbols = new Map(group.map(({ symbol }) => [symbol, [] as types.Row[]]));
    // A symbol that is alone may have more rows than are to be held: its rows come in order by themselves.
    const isAlone = group.length === 1;
    const places = new Map(
      group
        .flatMap((of) => of.places)
        .toSorted((a, b) => a.bucket.getTime() - b.bucket.getTime() || compare(a.shard, b.shard))
        .map((place) => [`${place.shard} ${place.bucket.getTime()}`, place]),
    );
    for (const { shard, bucket } of places.values()) {
      const params = [feed, shard, bucket, [...symbols.keys()]];
      for await (const row of await client.execute(query, params, { prepare: true, fetchSize: FETCH_SIZE })) {
        const symbol = String(row['symbol']);
        if (isAlone) yield { feed, symbol, row };
        else symbols.get(symbol)?.push(row);
      }
    }
    for (const [symbol, rows] of symbols) for (const row of rows) yield { feed, symbol, row };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function* tradeRows(client: Client, keyspace: string): AsyncGenerator<readonly Cell[]> {
  for await (const { feed, symbol, row } of rowsOf(
    client,
    `${keyspace}.trades`,
    'time, id, price, size, conditions',
  ))
    yield [
      feed,
      symbol,
      epochMs(row['time']),
      Number(row['price']),
      Number(row['size']),
      String(row['id']),
      String(row['conditions'] ?? ''),
    ];
}

async function* candleRows(client: Client, keyspace: string): AsyncGenerator<readonly Cell[]> {
  const numbers = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'mean_price', 'trade_count'];
  const columns = ['start', ...numbers, 'state', 'sampled', 'price_rank'].join(', ');
  for await (const { feed, symbol, row } of rowsOf(client, `${keyspace}.candles_5s`, columns)) {
    const startMs = epochMs(row['start']);
    yield [
      feed,
      symbol,
      startMs,
      startMs + WINDOW_MS,
      ...numbers.map((name) => Number(row[name])),
      String(row['state']),
      String(row['sampled'] ?? false),
      Number(row['price_rank'] ?? 0),
    ];
  }
}

/** A symbol that another company used again has a row for each; an end that is not there is an empty cell. */
async function* instrumentRows(client: Client, keyspace: string): AsyncGenerator<readonly Cell[]> {
  const { rows } = await client.execute(`SELECT DISTINCT feed FROM ${keyspace}.instruments`);
  for (const feed of rows.map((row) => String(row['feed'])).toSorted(compare)) {
    const query = `SELECT * FROM ${keyspace}.instruments WHERE feed = ?`;
    for await (const row of await client.execute(query, [feed], { prepare: true, fetchSize: FETCH_SIZE })) {
      const texts = ['id', 'status', 'description', 'market', 'currency', 'type', 'figi', 'isin'];
      yield [
        feed,
        String(row['ticker']),
        epochMs(row['valid_from']),
        row['valid_to'] === null ? '' : epochMs(row['valid_to']),
        ...texts.map((name) => String(row[name])),
      ];
    }
  }
}

function epochMs(value: unknown): number {
  if (!(value instanceof Date)) throw new RangeError('Cannot export a view: a time is missing');
  return value.getTime();
}
