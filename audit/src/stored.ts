import { type Client, type QueryOptions, types } from 'cassandra-driver';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import type { Columns } from './columns.ts';
import { bucketDate, type RollupTable } from './compare-rollups.ts';
import type { GapRow } from './gap-ledger.ts';

/** A row of `windows`: one symbol in one window. */
export interface StoredRow {
  readonly symbol: string;
  readonly rowVersion: number;
  readonly revision: number;
  readonly reason: string;
  /** What can be recomputed from the trades. */
  readonly columns: Columns;
}

/** A partition of `windows`. */
export interface StoredWindow {
  readonly version: number;
  readonly finalVersion: number;
  readonly incompleteVersion: number;
  readonly applied: string;
  readonly minOffset: bigint | null;
  readonly rows: ReadonlyMap<string, StoredRow>;
}

/** The row of a shard. */
export interface StoredShard {
  readonly open: ReadonlySet<number>;
}

/** A row of a view with the time of day that places it. */
export interface ViewRow {
  readonly timeMs: number;
  readonly columns: Columns;
}

/** A row of `trades`. */
export interface StoredTrade {
  readonly timeMs: number;
  readonly id: string;
  readonly price: number;
  readonly size: number;
}

/** Which rows of a symbol are read, from a time up to another, which is not in it. */
export interface SymbolRange {
  readonly feed: string;
  readonly symbol: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reads what the functions stored. Every method throws RetryableError when the database is not to be had. */
export interface Stored {
  /** A window as of now, with every acknowledged transaction in it; null if it was never written. */
  window(shard: string, windowStartMs: number): Promise<StoredWindow | null>;
  shard(shard: string): Promise<StoredShard>;
  /** The candles of a range within one day. */
  candles(range: SymbolRange): Promise<readonly ViewRow[]>;
  /** The trades of a range within one hour. */
  trades(range: SymbolRange): Promise<readonly StoredTrade[]>;
  /** The partitions of `trades`, hours, and of `candles_5s`, days. */
  tradePartitions(): AsyncIterable<SymbolPartition>;
  candlePartitions(): AsyncIterable<SymbolPartition>;
  /** Only the times of the rows. */
  tradeTimes(range: SymbolRange): Promise<readonly number[]>;
  candleTimes(range: SymbolRange): Promise<readonly number[]>;
  /** The longer candles of a day's range. */
  rollups(table: RollupTable, range: SymbolRange): Promise<readonly ViewRow[]>;
  /** Minutes that are not rolled up yet: `<feed> <symbol> <start>`. */
  pendingRollups(): Promise<ReadonlySet<string>>;
  /** The whole ledger of gaps. */
  gaps(): Promise<readonly GapRow[]>;
}

/** A partition of a view: a symbol's hour or day. */
export interface SymbolPartition {
  readonly feed: string;
  readonly symbol: string;
  readonly startMs: number;
}

const SERIAL: QueryOptions = {
  prepare: true,
  consistency: types.consistencies.localSerial,
  isIdempotent: true,
};
const PLAIN: QueryOptions = { prepare: true, isIdempotent: true };
const PAGE_ROWS = 5_000;
const HOUR_MS = 3_600_000;

/** The tables in Cassandra. */
export function createStored(client: Client): Stored {
  /** Every row, page by page: `execute` by itself answers the first page only. */
  async function rows(
    query: string,
    params: unknown[],
    options: QueryOptions,
  ): Promise<readonly types.Row[]> {
    const found: types.Row[] = [];
    try {
      const result = await client.execute(query, params, { ...options, fetchSize: PAGE_ROWS });
      for await (const row of result) found.push(row);
    } catch (error) {
      throw translateCassandraError(error, 'read what was stored');
    }
    return found;
  }

  async function* partitions(query: string, column: string): AsyncGenerator<SymbolPartition> {
    try {
      for await (const row of await client.execute(query, [], { ...PLAIN, fetchSize: PAGE_ROWS })) {
        const start: unknown = row[column];
        const startMs = start instanceof types.LocalDate ? Date.parse(start.toString()) : timeOf(start);
        yield { feed: String(row['feed']), symbol: String(row['symbol']), startMs };
      }
    } catch (error) {
      throw translateCassandraError(error, 'list what was stored');
    }
  }

  return {
    async window(shard, windowStartMs) {
      const found = await rows(
        'SELECT * FROM windows WHERE shard = ? AND window_start = ?',
        [shard, new Date(windowStartMs)],
        SERIAL,
      );
      return toWindow(found);
    },
    async shard(shard) {
      const [row] = await rows('SELECT open FROM shards WHERE shard = ?', [shard], SERIAL);
      const open = String(row?.['open'] ?? '');
      return { open: new Set(open === '' ? [] : open.split(',').map(Number)) };
    },
    async candles({ feed, symbol, fromMs, toMs }) {
      const found = await rows(
        'SELECT * FROM candles_5s WHERE feed = ? AND symbol = ? AND day = ? AND start >= ? AND start < ?',
        [feed, symbol, dayOf(fromMs), new Date(fromMs), new Date(toMs)],
        PLAIN,
      );
      return found.map((row) => toViewRow(row, 'day'));
    },
    async trades({ feed, symbol, fromMs, toMs }) {
      const found = await rows(
        'SELECT time, id, price, size FROM trades WHERE feed = ? AND symbol = ? AND hour = ? AND time >= ? AND time < ?',
        [feed, symbol, new Date(fromMs - (fromMs % HOUR_MS)), new Date(fromMs), new Date(toMs)],
        PLAIN,
      );
      return found.map((row) => ({
        timeMs: timeOf(row['time']),
        id: String(row['id']),
        price: Number(row['price']),
        size: Number(row['size']),
      }));
    },
    tradePartitions: () => partitions('SELECT DISTINCT feed, symbol, hour FROM trades', 'hour'),
    candlePartitions: () => partitions('SELECT DISTINCT feed, symbol, day FROM candles_5s', 'day'),
    async tradeTimes({ feed, symbol, fromMs }) {
      const found = await rows(
        'SELECT time FROM trades WHERE feed = ? AND symbol = ? AND hour = ?',
        [feed, symbol, new Date(fromMs)],
        PLAIN,
      );
      return found.map((row) => timeOf(row['time']));
    },
    async candleTimes({ feed, symbol, fromMs }) {
      const found = await rows(
        'SELECT start FROM candles_5s WHERE feed = ? AND symbol = ? AND day = ?',
        [feed, symbol, dayOf(fromMs)],
        PLAIN,
      );
      return found.map((row) => timeOf(row['start']));
    },
    async rollups({ table, bucket }, { feed, symbol, fromMs, toMs }) {
      const found = await rows(
        `SELECT * FROM ${table} WHERE feed = ? AND symbol = ? AND ${bucket} = ? AND start >= ? AND start < ?`,
        [
          feed,
          symbol,
          types.LocalDate.fromString(bucketDate(bucket, fromMs)),
          new Date(fromMs),
          new Date(toMs),
        ],
        PLAIN,
      );
      return found.map((row) => toViewRow(row, bucket));
    },
    async pendingRollups() {
      const found = await rows('SELECT minute, feed, symbols FROM rollup_pending', [], PLAIN);
      return new Set(
        found.flatMap((row) =>
          String(row['symbols'])
            .split(',')
            .map((symbol) => `${String(row['feed'])} ${symbol} ${timeOf(row['minute'])}`),
        ),
      );
    },
    async gaps() {
      const found = await rows('SELECT * FROM feed_gaps', [], PLAIN);
      return found.map((row) => ({
        shard: String(row['shard']),
        fromMs: timeOf(row['from_time']),
        reason: String(row['reason']),
        toMs: timeOf(row['to_time']),
        droppedRecords: Number(row['dropped_records']),
      }));
    },
  };
}

/** The columns of a view's row without its key. */
function toViewRow(row: types.Row, bucket: string): ViewRow {
  const keys = new Set(['feed', 'symbol', bucket, 'start']);
  const names = row.keys().filter((name) => !keys.has(name));
  return {
    timeMs: timeOf(row['start']),
    columns: Object.fromEntries(names.map((name) => [name, row[name]])),
  };
}

function dayOf(timeMs: number): types.LocalDate {
  return types.LocalDate.fromString(new Date(timeMs).toISOString().slice(0, 10));
}

function timeOf(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number.NaN;
}

function toWindow(rows: readonly types.Row[]): StoredWindow | null {
  const [first] = rows;
  if (first === undefined || first['version'] === null) return null;
  return {
    version: Number(first['version']),
    finalVersion: Number(first['final_version'] ?? 0),
    incompleteVersion: Number(first['incomplete_version'] ?? 0),
    applied: String(first['applied'] ?? ''),
    minOffset: typeof first['min_offset'] === 'bigint' ? first['min_offset'] : null,
    rows: new Map(
      rows.filter((row) => row['symbol'] !== null).map((row) => [String(row['symbol']), toRow(row)]),
    ),
  };
}

function toRow(row: types.Row): StoredRow {
  const bigintOf = (name: string): bigint | null => {
    const value: unknown = row[name];
    return typeof value === 'bigint' ? value : null;
  };
  const text = (name: string): string | null => {
    const value: unknown = row[name];
    return typeof value === 'string' ? value : null;
  };
  return {
    symbol: String(row['symbol']),
    rowVersion: Number(row['row_version'] ?? 0),
    revision: Number(row['revision'] ?? 0),
    reason: text('reason') ?? '',
    columns: {
      first_key: text('first_key'),
      last_key: text('last_key'),
      open_e8: bigintOf('open_e8'),
      high_e8: bigintOf('high_e8'),
      low_e8: bigintOf('low_e8'),
      close_e8: bigintOf('close_e8'),
      volume_e8: bigintOf('volume_e8'),
      notional_e16: bigintOf('notional_e16'),
      price_sum_e8: bigintOf('price_sum_e8'),
      trade_count: Number(row['trade_count'] ?? 0),
      id_hash_sum: bigintOf('id_hash_sum'),
    },
  };
}
