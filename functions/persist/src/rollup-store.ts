import type { RollupLevel, ViewCandle } from '@kandle/market/candle/rollup';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import { type Client, types } from 'cassandra-driver';
import { bucketOf, rollupRow } from './rollup-rows.ts';
import { dayOf, type Views } from './view-rows.ts';

/** A symbol of a feed. */
export interface SymbolKey {
  readonly feed: string;
  readonly symbol: string;
}

/** Word of candles that a process stored and has not rolled up yet: symbols of one shard, of one event, in one minute. */
export interface PendingMark {
  readonly shard: string;
  readonly process: string;
  readonly minuteMs: number;
  readonly event: string;
  readonly feed: string;
  readonly symbols: readonly string[];
  readonly madeAtMs: number;
}

/** Where candles are read from and written to, and word of what is pending is left. */
export interface RollupStore {
  /** The final candles in a period that are its parts, as every write that was acknowledged left them. */
  readParts(level: RollupLevel, key: SymbolKey, startMs: number): Promise<readonly ViewCandle[]>;
  /** Writes a period's candle; of several the one with the largest version stays. */
  write(level: RollupLevel, key: SymbolKey, candle: ViewCandle): Promise<void>;
  /** Leaves word, as of a time in microseconds. */
  mark(mark: PendingMark, atUs: bigint): Promise<void>;
  /** Takes back what a process left of a minute up to a time in microseconds. */
  unmark(mark: Pick<PendingMark, 'shard' | 'process' | 'minuteMs'>, atUs: bigint): Promise<void>;
  /** Everything that is pending, whoever left it. */
  readMarks(): Promise<readonly PendingMark[]>;
}

const NUMBERS =
  'start, version, open, high, low, close, volume, notional, vwap, mean_price, trade_count, state, revision, reason, complete';

const READ_PARTS: Readonly<Record<RollupLevel['name'], string>> = {
  '1m': readFrom('candles_5s', 'day', NUMBERS),
  '5m': readFrom('candles_1m', 'day', `${NUMBERS}, parts`),
  '1h': readFrom('candles_5m', 'day', `${NUMBERS}, parts`),
  '1d': readFrom('candles_1h', 'month', `${NUMBERS}, parts`),
};

function readFrom(table: string, bucket: string, columns: string): string {
  return `SELECT ${columns} FROM ${table} WHERE feed = ? AND symbol = ? AND ${bucket} = ? AND start >= ? AND start < ?`;
}

const MARK =
  'INSERT INTO rollup_pending (shard, process, minute, event, feed, symbols, made_at) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?';
const UNMARK = 'DELETE FROM rollup_pending USING TIMESTAMP ? WHERE shard = ? AND process = ? AND minute = ?';
const READ_MARKS = 'SELECT shard, process, minute, event, feed, symbols, made_at FROM rollup_pending';

const OPTIONS = { prepare: true, isIdempotent: true, consistency: types.consistencies.localQuorum } as const;

/** Rollups in Cassandra. */
export function createRollupStore(client: Client, views: Views): RollupStore {
  async function run(action: string, query: string, params: unknown[]): Promise<readonly types.Row[]> {
    try {
      return (await client.execute(query, params, OPTIONS)).rows;
    } catch (error) {
      throw translateCassandraError(error, action);
    }
  }

  return {
    async readParts(level, { feed, symbol }, startMs) {
      // The parts of an hour stand in tables by day, those of a day in one by month: never in two partitions.
      const bucket = level.name === '1d' ? bucketOf('1h', startMs) : dayOf(startMs);
      const range = [new Date(startMs), new Date(startMs + level.periodMs)];
      const rows = await run('read candles', READ_PARTS[level.name], [feed, symbol, bucket, ...range]);
      return rows.filter((row) => row['state'] !== 'provisional').map(toCandle);
    },
    write: (level, key, candle) => views.write([rollupRow(level.name, key, candle)]),
    async mark({ shard, process, minuteMs, event, feed, symbols, madeAtMs }, atUs) {
      const values = [shard, process, new Date(minuteMs), event, feed, symbols.join(','), new Date(madeAtMs)];
      await run('leave word of a rollup', MARK, [...values, atUs]);
    },
    async unmark({ shard, process, minuteMs }, atUs) {
      await run('take back word of a rollup', UNMARK, [atUs, shard, process, new Date(minuteMs)]);
    },
    async readMarks() {
      const marks: PendingMark[] = [];
      try {
        const result = await client.execute(READ_MARKS, [], { ...OPTIONS, fetchSize: 500 });
        for await (const row of result) marks.push(toMark(row));
      } catch (error) {
        throw translateCassandraError(error, 'read what is to be rolled up');
      }
      return marks;
    },
  };
}

function toCandle(row: types.Row): ViewCandle {
  const volume = Number(row['volume']);
  return {
    startMs: timeOf(row['start']),
    version: Number(row['version']),
    open: Number(row['open']),
    high: Number(row['high']),
    low: Number(row['low']),
    close: Number(row['close']),
    volume,
    // Rows of before there were rollups lack these.
    notional: Number(row['notional'] ?? Number(row['vwap']) * volume),
    meanPrice: Number(row['mean_price']),
    tradeCount: Number(row['trade_count']),
    revision: Number(row['revision'] ?? 0),
    reason: String(row['reason'] ?? ''),
    complete: row['complete'] !== false,
    parts: Number(row['parts'] ?? 1),
  };
}

function toMark(row: types.Row): PendingMark {
  return {
    shard: String(row['shard']),
    process: String(row['process']),
    minuteMs: timeOf(row['minute']),
    event: String(row['event']),
    feed: String(row['feed']),
    symbols: String(row['symbols']).split(','),
    madeAtMs: timeOf(row['made_at']),
  };
}

function timeOf(value: unknown): number {
  if (!(value instanceof Date)) throw new RangeError('Cannot read a row: it has no time');
  return value.getTime();
}
