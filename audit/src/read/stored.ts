import { type Client, type QueryOptions, types } from 'cassandra-driver';
import type { z } from 'zod';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import type { Columns } from '../values/columns.ts';
import { bucketDate, HOUR_MS, type RollupTable, startOf } from '../values/periods.ts';
import {
  GapRowSchema,
  parseRow,
  PartitionRowSchema,
  PendingRowSchema,
  ShardRowSchema,
  TimeRowSchema,
  TradeRowSchema,
  ViewRowSchema,
  type WindowRow,
  WindowRowSchema,
} from './stored-rows.ts';
import { readWindowRows, type StoredRow } from './window-rows.ts';

/** A window of a shard. */
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

/** A row of `feed_gaps`. */
export interface GapRow {
  readonly shard: string;
  readonly fromMs: number;
  readonly reason: string;
  readonly toMs: number;
  readonly droppedRecords: number;
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

/** The tables in Cassandra. */
export function createStored(client: Client): Stored {
  /** Every row, page by page: `execute` by itself answers the first page only. */
  async function* rows<T>(
    schema: z.ZodType<T>,
    query: string,
    params: unknown[] = [],
    options = PLAIN,
  ): AsyncGenerator<T> {
    try {
      const result = await client.execute(query, params, { ...options, fetchSize: PAGE_ROWS });
      for await (const row of result) yield parseRow(schema, row, query);
    } catch (error) {
      throw translateCassandraError(error, 'read what was stored');
    }
  }

  async function* partitions(query: string): AsyncGenerator<SymbolPartition> {
    for await (const { feed, symbol, day, hour } of rows(PartitionRowSchema, query))
      yield { feed, symbol, startMs: hour ?? day ?? Number.NaN };
  }

  return {
    async window(shard, windowStartMs) {
      const query = 'SELECT * FROM windows WHERE shard = ? AND window_start = ?';
      const params = [shard, new Date(windowStartMs)];
      return toWindow(await Array.fromAsync(rows(WindowRowSchema, query, params, SERIAL)));
    },
    async shard(shard) {
      const query = 'SELECT open FROM shards WHERE shard = ?';
      const [row] = await Array.fromAsync(rows(ShardRowSchema, query, [shard], SERIAL));
      return { open: new Set(row?.open) };
    },
    candles: ({ feed, symbol, fromMs, toMs }) =>
      viewRows(
        'SELECT * FROM candles_5s WHERE feed = ? AND symbol = ? AND day = ? AND start >= ? AND start < ?',
        [feed, symbol, dateOf('day', fromMs), new Date(fromMs), new Date(toMs)],
        'day',
      ),
    trades: ({ feed, symbol, fromMs, toMs }) =>
      Array.fromAsync(
        rows(
          TradeRowSchema,
          'SELECT time, id, price, size FROM trades WHERE feed = ? AND symbol = ? AND hour = ? AND time >= ? AND time < ?',
          [feed, symbol, new Date(startOf(fromMs, HOUR_MS)), new Date(fromMs), new Date(toMs)],
        ),
        ({ time, ...row }) => ({ timeMs: time, ...row }),
      ),
    tradePartitions: () => partitions('SELECT DISTINCT feed, symbol, hour FROM trades'),
    candlePartitions: () => partitions('SELECT DISTINCT feed, symbol, day FROM candles_5s'),
    tradeTimes: ({ feed, symbol, fromMs }) =>
      Array.fromAsync(
        rows(TimeRowSchema, 'SELECT time FROM trades WHERE feed = ? AND symbol = ? AND hour = ?', [
          feed,
          symbol,
          new Date(fromMs),
        ]),
        ({ time }) => time,
      ),
    candleTimes: ({ feed, symbol, fromMs }) =>
      Array.fromAsync(
        rows(
          TimeRowSchema,
          'SELECT start AS time FROM candles_5s WHERE feed = ? AND symbol = ? AND day = ?',
          [feed, symbol, dateOf('day', fromMs)],
        ),
        ({ time }) => time,
      ),
    rollups: ({ table, bucket }, { feed, symbol, fromMs, toMs }) =>
      viewRows(
        `SELECT * FROM ${table} WHERE feed = ? AND symbol = ? AND ${bucket} = ? AND start >= ? AND start < ?`,
        [feed, symbol, dateOf(bucket, fromMs), new Date(fromMs), new Date(toMs)],
        bucket,
      ),
    async pendingRollups() {
      const query = 'SELECT minute, feed, symbols FROM rollup_pending';
      const pending = await Array.fromAsync(rows(PendingRowSchema, query));
      return new Set(
        pending.flatMap(({ minute, feed, symbols }) =>
          symbols.map((symbol) => `${feed} ${symbol} ${minute}`),
        ),
      );
    },
    gaps: () =>
      Array.fromAsync(rows(GapRowSchema, 'SELECT * FROM feed_gaps'), (row) => ({
        shard: row.shard,
        fromMs: row.from_time,
        reason: row.reason,
        toMs: row.to_time,
        droppedRecords: row.dropped_records,
      })),
  };

  /** Rows of a view without their key. */
  async function viewRows(query: string, params: unknown[], bucket: string): Promise<readonly ViewRow[]> {
    const keys = new Set(['feed', 'symbol', bucket, 'start']);
    return Array.fromAsync(rows(ViewRowSchema, query, params), ({ start, ...columns }) => ({
      timeMs: start,
      columns: Object.fromEntries(
        Object.entries(columns).flatMap(([name, value]) =>
          keys.has(name) || value instanceof types.LocalDate ? [] : [[name, value] as const],
        ),
      ),
    }));
  }
}

function dateOf(bucket: RollupTable['bucket'], timeMs: number): types.LocalDate {
  return types.LocalDate.fromString(bucketDate(bucket, timeMs));
}

/** A window of its rows; null if it was never written. */
function toWindow(rows: readonly WindowRow[]): StoredWindow | null {
  const [first] = rows;
  if (first === undefined || first.version === null) return null;
  const ofSymbols = rows.flatMap((row) =>
    row.symbol === null ? [] : [[row.symbol, toRow(row, row.symbol)] as const],
  );
  return {
    version: first.version,
    finalVersion: first.final_version ?? 0,
    incompleteVersion: first.incomplete_version ?? 0,
    applied: (first.applied ?? '').replace(IN_SYMBOLS, ''),
    minOffset: first.min_offset,
    // What cannot be read holds nothing: every symbol of the log is then missing in it.
    rows: first.symbols === null ? new Map(ofSymbols) : (readWindowRows(first.symbols) ?? new Map()),
  };
}

/** How `applied` begins in a window whose rows are in `symbols`. */
const IN_SYMBOLS = /^v2 /;

function toRow(row: WindowRow, symbol: string): StoredRow {
  return {
    symbol,
    rowVersion: row.row_version ?? 0,
    revision: row.revision ?? 0,
    reason: row.reason ?? '',
    columns: {
      first_key: row.first_key,
      last_key: row.last_key,
      open_e8: row.open_e8,
      high_e8: row.high_e8,
      low_e8: row.low_e8,
      close_e8: row.close_e8,
      volume_e8: row.volume_e8,
      notional_e16: row.notional_e16,
      price_sum_e8: row.price_sum_e8,
      trade_count: row.trade_count ?? 0,
      id_hash_sum: row.id_hash_sum,
    },
  };
}
