import type { RollupLevel, ViewCandle } from '@kandle/market/candle/rollup';
import { feedOfShard } from '@kandle/market/event/shard';
import { formatSymbols, parseSymbols } from '@kandle/market/event/symbol';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { bucketOf } from '@kandle/market/view/buckets';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import { column, parseRows } from '@kandle/runtime/cassandra-rows';
import { type Client, types } from 'cassandra-driver';
import { z } from 'zod';
import { ROLLUP_VIEWS, rollupRows } from './rollup-rows.ts';
import { type ViewColumn, VIEWS, type Views } from '../views/view-rows.ts';

/** The same period of some symbols of a shard. */
export interface Period {
  readonly shard: string;
  readonly startMs: number;
  readonly symbols: readonly string[];
}

/**
 * A note of candles that a process stored and has not rolled up yet: symbols of one shard, of one event, in one
 * minute.
 */
export interface PendingMark {
  readonly shard: string;
  readonly process: string;
  readonly minuteMs: number;
  readonly event: string;
  readonly feed: string;
  readonly symbols: readonly string[];
  readonly madeAtMs: number;
}

/** Where candles are read from and written to, and where notes of what is pending are kept. */
export interface RollupStore {
  /**
   * The final candles in a period that are its parts, by symbol, as every write that was acknowledged left
   * them; a symbol without any is absent.
   */
  readParts(level: RollupLevel, period: Period): Promise<ReadonlyMap<string, readonly ViewCandle[]>>;
  /** Writes a period's candles, by symbol; of several the one with the largest version stays. */
  write(level: RollupLevel, shard: string, candles: ReadonlyMap<string, ViewCandle>): Promise<void>;
  /** Keeps a note, as of a time in microseconds. */
  mark(mark: PendingMark, atUs: bigint): Promise<void>;
  /** Removes the notes of a process about a minute, up to a time in microseconds. */
  unmark(mark: Pick<PendingMark, 'shard' | 'process' | 'minuteMs'>, atUs: bigint): Promise<void>;
  /** Every note, of any process. */
  readMarks(): Promise<readonly PendingMark[]>;
}

/** What is read of a part, and with that what is selected. */
const PartSchema = z.object({
  symbol: z.string(),
  start: column.timestamp,
  version: z.number(),
  open: z.number(),
  high: z.number(),
  low: z.number(),
  close: z.number(),
  revision: z.number().nullable(),
  reason: z.string().nullable(),
  complete: z.boolean().nullable(),
  // Of before there were feeds that sample.
  sampled: z.boolean().nullish(),
  // Of before conditions counted.
  price_rank: z.literal([0, 1, 2, 3]).nullish(),
  volume_e8: z.bigint(),
  notional_e16: z.bigint(),
  price_sum_e8: z.bigint(),
  trade_count: z.number(),
  state: z.string(),
  // Candles of 5 seconds have no such column: each is one part.
  parts: z.number().default(1),
} satisfies Partial<Record<ViewColumn<'candles_1m'>, z.ZodType>>);

/** Where the parts of each level stand. */
const PARTS = {
  '1m': partsIn('candles_5s'),
  '5m': partsIn(ROLLUP_VIEWS['1m']),
  '1h': partsIn(ROLLUP_VIEWS['5m']),
  '1d': partsIn(ROLLUP_VIEWS['1h']),
} as const satisfies Record<RollupLevel['name'], unknown>;

function partsIn(view: 'candles_5s' | (typeof ROLLUP_VIEWS)[RollupLevel['name']]) {
  const known: readonly string[] = VIEWS[view].columns;
  const columns = Object.keys(PartSchema.shape).filter((name) => known.includes(name));
  const where = 'feed = ? AND shard = ? AND bucket = ? AND symbol IN ? AND start >= ? AND start < ?';
  return { view, query: `SELECT ${columns.join(', ')} FROM ${view} WHERE ${where}` };
}

const MARK =
  'INSERT INTO rollup_pending (shard, process, minute, event, feed, symbols, made_at) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?';
const UNMARK = 'DELETE FROM rollup_pending USING TIMESTAMP ? WHERE shard = ? AND process = ? AND minute = ?';
const READ_MARKS = 'SELECT shard, process, minute, event, feed, symbols, made_at FROM rollup_pending';

const PAGE_ROWS = 2_000;
const OPTIONS = { prepare: true, isIdempotent: true, consistency: types.consistencies.localQuorum } as const;

/** Rollups in Cassandra. */
export function createRollupStore(client: Client, views: Views): RollupStore {
  /** Every row, page by page: `execute` by itself answers the first page only. */
  async function readAll(action: string, query: string, params: unknown[]): Promise<readonly types.Row[]> {
    try {
      return await Array.fromAsync(await client.execute(query, params, { ...OPTIONS, fetchSize: PAGE_ROWS }));
    } catch (error) {
      throw translateCassandraError(error, action);
    }
  }

  async function run(action: string, query: string, params: unknown[]): Promise<void> {
    try {
      await client.execute(query, params, OPTIONS);
    } catch (error) {
      throw translateCassandraError(error, action);
    }
  }

  return {
    async readParts(level, { shard, startMs, symbols }) {
      const { view, query } = PARTS[level.name];
      // The parts of a period are never in two partitions.
      const bucket = new Date(bucketOf(view, startMs));
      const range = [new Date(startMs), new Date(startMs + level.periodMs)];
      const params = [feedOfShard(shard), shard, bucket, symbols, ...range];
      const rows = parseRows(PartSchema, await readAll('read candles', query, params), 'read candles');
      const parts = Map.groupBy(
        rows.filter(({ state }) => state !== 'provisional'),
        ({ symbol }) => symbol,
      );
      return new Map(Array.from(parts, ([symbol, candles]) => [symbol, candles.map(toCandle)]));
    },
    write: (level, shard, candles) => views.write([rollupRows(level.name, shard, candles)]),
    async mark({ shard, process, minuteMs, event, feed, symbols, madeAtMs }, atUs) {
      const values = [
        shard,
        process,
        new Date(minuteMs),
        event,
        feed,
        formatSymbols(symbols),
        new Date(madeAtMs),
      ];
      await run('note a rollup', MARK, [...values, atUs]);
    },
    async unmark({ shard, process, minuteMs }, atUs) {
      await run('remove the note of a rollup', UNMARK, [atUs, shard, process, new Date(minuteMs)]);
    },
    async readMarks() {
      const action = 'read what is to be rolled up';
      return parseRows(MarkSchema, await readAll(action, READ_MARKS, []), action);
    },
  };
}

function toCandle(row: z.infer<typeof PartSchema>): ViewCandle {
  return {
    startMs: row.start,
    version: row.version,
    open: row.open,
    high: row.high,
    low: row.low,
    close: row.close,
    volumeE8: e8(row.volume_e8),
    notionalE16: e16(row.notional_e16),
    priceSumE8: e8(row.price_sum_e8),
    tradeCount: row.trade_count,
    revision: row.revision ?? 0,
    reason: row.reason ?? '',
    complete: row.complete ?? true,
    sampled: row.sampled ?? false,
    rank: row.price_rank ?? 0,
    parts: row.parts,
  };
}

const MarkSchema = z
  .object({
    shard: z.string(),
    process: z.string(),
    minute: column.timestamp,
    event: z.string(),
    feed: z.string(),
    symbols: z.string(),
    made_at: column.timestamp,
  })
  .transform(({ minute, made_at: madeAtMs, symbols, ...mark }): PendingMark => {
    return { ...mark, minuteMs: minute, madeAtMs, symbols: parseSymbols(symbols) };
  });
