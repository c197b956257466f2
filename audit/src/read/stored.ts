import { type Client, type QueryOptions, types } from 'cassandra-driver';
import type { z } from 'zod';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import type { Columns } from '../values/columns.ts';
import { CANDLES_BUCKET_MS, type RollupTable, startOf, TRADES_BUCKET_MS } from '../values/periods.ts';
import {
  backfillOf,
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
import type { Gap } from './raw-batch.ts';
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

/** A row of a view: a symbol's candle, and when it begins. */
export interface ViewRow {
  readonly symbol: string;
  readonly timeMs: number;
  readonly columns: Columns;
}

/** A row of `trades`. */
export interface StoredTrade {
  readonly symbol: string;
  readonly timeMs: number;
  readonly id: string;
  readonly price: number;
  readonly size: number;
  /** Codes with commas, and the rank that they leave; null if it has none. */
  readonly conditions?: string | null;
  readonly rank?: number | null;
  /** Where it was fetched from afterwards; null of what the feed brought. */
  readonly backfilled?: string | null;
}

/** A row of `feed_gaps`. */
export interface GapRow {
  readonly shard: string;
  readonly fromMs: number;
  readonly reason: string;
  readonly toMs: number;
  readonly droppedRecords: number;
  readonly backfill?: Gap['backfill'];
}

/** Which rows of a shard are read, from a time up to another, which is not in it. */
export interface ShardRange {
  readonly feed: string;
  readonly shard: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Reads what the functions stored. Every method throws RetryableError when the database is not to be had. */
export interface Stored {
  /** A window as of now, with every acknowledged transaction in it; null if it was never written. */
  window(shard: string, windowStartMs: number): Promise<StoredWindow | null>;
  shard(shard: string): Promise<StoredShard>;
  /** The candles and the trades of all symbols in a range. */
  candles(range: ShardRange): Promise<readonly ViewRow[]>;
  trades(range: ShardRange): Promise<readonly StoredTrade[]>;
  /** The partitions of `trades` and of `candles_5s`. */
  tradePartitions(): AsyncIterable<ShardPartition>;
  candlePartitions(): AsyncIterable<ShardPartition>;
  /** Only the symbols and times of a partition's rows. */
  tradeTimes(partition: ShardPartition): Promise<readonly PlacedTime[]>;
  candleTimes(partition: ShardPartition): Promise<readonly PlacedTime[]>;
  /** The 5-second candles of some symbols in partitions that begin at given times. */
  candlesOf(of: SymbolsOfShard, bucketsMs: readonly number[]): Promise<readonly ViewRow[]>;
  /** The longer candles of some symbols in a range. */
  rollups(
    table: RollupTable,
    of: SymbolsOfShard,
    range: Pick<ShardRange, 'fromMs' | 'toMs'>,
  ): Promise<readonly ViewRow[]>;
  /** Minutes that are not rolled up yet: `<feed> <symbol> <start>`. */
  pendingRollups(): Promise<ReadonlySet<string>>;
  /** The whole ledger of gaps. */
  gaps(): Promise<readonly GapRow[]>;
}

/** A partition of a view: what a shard's symbols have in a stretch of time. */
export interface ShardPartition {
  readonly feed: string;
  readonly shard: string;
  readonly startMs: number;
}

/** When a symbol has a row. */
export interface PlacedTime {
  readonly symbol: string;
  readonly timeMs: number;
}

/** Some symbols of a shard. */
export interface SymbolsOfShard extends Pick<ShardRange, 'feed' | 'shard'> {
  readonly symbols: readonly string[];
}

const SERIAL: QueryOptions = {
  prepare: true,
  consistency: types.consistencies.localSerial,
  isIdempotent: true,
};
const PLAIN: QueryOptions = { prepare: true, isIdempotent: true };
const PAGE_ROWS = 5_000;
const PARTITION = 'feed = ? AND shard = ? AND bucket = ?';

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

  async function* partitions(table: string): AsyncGenerator<ShardPartition> {
    const query = `SELECT DISTINCT feed, shard, bucket FROM ${table}`;
    for await (const { feed, shard, bucket } of rows(PartitionRowSchema, query))
      yield { feed, shard, startMs: bucket };
  }

  async function times(
    table: string,
    column: string,
    { feed, shard, startMs }: ShardPartition,
  ): Promise<readonly PlacedTime[]> {
    const query = `SELECT symbol, ${column} AS time FROM ${table} WHERE ${PARTITION}`;
    const params = [feed, shard, new Date(startMs)];
    return Array.fromAsync(rows(TimeRowSchema, query, params), ({ symbol, time }) => {
      return { symbol, timeMs: time };
    });
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
    candles: ({ feed, shard, fromMs, toMs }) =>
      inBuckets(CANDLES_BUCKET_MS, fromMs, toMs, (bucket) =>
        viewRows(`SELECT * FROM candles_5s WHERE ${PARTITION} AND start >= ? AND start < ? ALLOW FILTERING`, [
          feed,
          shard,
          bucket,
          new Date(fromMs),
          new Date(toMs),
        ]),
      ),
    trades: ({ feed, shard, fromMs, toMs }) =>
      inBuckets(TRADES_BUCKET_MS, fromMs, toMs, (bucket) =>
        Array.fromAsync(
          rows(
            TradeRowSchema,
            `SELECT symbol, time, id, price, size, conditions, price_rank, backfilled FROM trades WHERE ${PARTITION} AND time >= ? AND time < ? ALLOW FILTERING`,
            [feed, shard, bucket, new Date(fromMs), new Date(toMs)],
          ),
          ({ time, price_rank, ...row }) => ({ timeMs: time, rank: price_rank, ...row }),
        ),
      ),
    tradePartitions: () => partitions('trades'),
    candlePartitions: () => partitions('candles_5s'),
    tradeTimes: (partition) => times('trades', 'time', partition),
    candleTimes: (partition) => times('candles_5s', 'start', partition),
    async candlesOf({ feed, shard, symbols }, bucketsMs) {
      const query = `SELECT * FROM candles_5s WHERE ${PARTITION} AND symbol IN ?`;
      const found: ViewRow[] = [];
      for (const bucket of bucketsMs)
        found.push(...(await viewRows(query, [feed, shard, new Date(bucket), symbols])));
      return found;
    },
    rollups: ({ table, bucketMs }, { feed, shard, symbols }, { fromMs, toMs }) =>
      inBuckets(bucketMs, fromMs, toMs, (bucket) =>
        viewRows(`SELECT * FROM ${table} WHERE ${PARTITION} AND symbol IN ? AND start >= ? AND start < ?`, [
          feed,
          shard,
          bucket,
          symbols,
          new Date(fromMs),
          new Date(toMs),
        ]),
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
        ...backfillOf(row),
      })),
  };

  /** Rows of a view without their key. */
  async function viewRows(query: string, params: unknown[]): Promise<readonly ViewRow[]> {
    return Array.fromAsync(rows(ViewRowSchema, query, params), (row) => {
      const { feed: _, shard: __, bucket: ___, symbol, start, ...columns } = row;
      return { symbol, timeMs: start, columns };
    });
  }
}

/** The rows of the partitions that hold a range, one partition after the other. */
async function inBuckets<Row>(
  bucketMs: number,
  fromMs: number,
  toMs: number,
  read: (bucket: Date) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (let atMs = startOf(fromMs, bucketMs); atMs < toMs; atMs += bucketMs)
    for (const row of await read(new Date(atMs))) found.push(row);
  return found;
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
