import { translateCassandraError } from '@kandle/runtime/cassandra';
import { parseRows } from '@kandle/runtime/cassandra-rows';
import type { Client } from 'cassandra-driver';
import { z } from 'zod';
import { bucketOf, bucketsBetween, type Interval } from './intervals.ts';
import {
  CANDLE_COLUMNS,
  CandleRowSchema,
  GapRowSchema,
  IndicatorRowSchema,
  SignalRowSchema,
  SymbolRowSchema,
  TradeRowSchema,
} from './rows.ts';
import { keyOfGap, keyOfSignal } from './row-keys.ts';
import type { KeyedRange, QueryStore, Range } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Rows of one answer of the database: what a request holds in memory beside its own page. */
const FETCH_SIZE = 1_000;
/** Most feeds that are looked at. */
const MAX_FEEDS = 20;

const CANDLE_SELECTION = CANDLE_COLUMNS.join(', ');

/**
 * The views in Cassandra, read only. Statements are fixed texts with bound values: no input is ever part of
 * one.
 */
export function createCassandraStore(client: Client): QueryStore {
  async function select<T>(
    schema: z.ZodType<T>,
    statement: string,
    params: readonly unknown[],
    limit: number,
    isWanted: (row: T) => boolean = () => true,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    try {
      let pageState: string | undefined;
      do {
        const result = await client.execute(statement, [...params], {
          prepare: true,
          isIdempotent: true,
          fetchSize: Math.min(FETCH_SIZE, limit),
          ...(pageState === undefined ? {} : { pageState }),
        });
        found.push(...parseRows(schema, result.rows, 'read a view').filter(isWanted));
        pageState = result.pageState ?? undefined;
      } while (pageState !== undefined && found.length < limit);
    } catch (error) {
      throw translateCassandraError(error, 'read a view');
    }
    return found.slice(0, limit);
  }

  /** Rows of consecutive partitions, one after the other, until there are enough. */
  async function selectOver<T>(
    keys: Iterable<unknown>,
    range: Range,
    read: (key: unknown, limit: number) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    for (const key of keys) {
      if (found.length >= range.limit) break;
      found.push(...(await read(key, range.limit - found.length)));
    }
    return found;
  }

  async function feeds(): Promise<readonly string[]> {
    const rows = await select(
      z.object({ feed: z.string() }),
      `SELECT DISTINCT feed FROM latest LIMIT ${MAX_FEEDS}`,
      [],
      MAX_FEEDS,
    );
    return rows.map(({ feed }) => feed).toSorted();
  }

  return {
    feeds,
    async symbols(feed) {
      const found = [];
      for (const one of feed === null ? await feeds() : [feed]) {
        const rows = await select(
          SymbolRowSchema,
          'SELECT feed, symbol, time, price, size FROM latest WHERE feed = ?',
          [one],
          Number.POSITIVE_INFINITY,
        );
        found.push(...rows);
      }
      return found;
    },
    async feedsOf(symbol) {
      const found: string[] = [];
      for (const feed of await feeds()) {
        const rows = await select(
          z.object({ symbol: z.string() }),
          'SELECT symbol FROM latest WHERE feed = ? AND symbol = ?',
          [feed, symbol],
          1,
        );
        if (rows.length > 0) found.push(feed);
      }
      return found;
    },
    candles: ({ feed, symbol }, { table, bucket }, range) =>
      selectOver(bucketsBetween(range.fromMs, range.toMs, bucket), range, (key, limit) =>
        select(
          CandleRowSchema,
          `SELECT ${CANDLE_SELECTION} FROM ${table} WHERE feed = ? AND symbol = ? AND ${bucket} = ? AND start >= ? AND start < ?`,
          [feed, symbol, key, range.fromMs, range.toMs],
          limit,
        ),
      ),
    async closeBefore({ feed, symbol }, interval, timeMs) {
      const { table, bucket } = interval;
      for (const key of bucketsBack(timeMs, interval)) {
        const [row] = await select(
          z.object({ close: z.number() }),
          `SELECT close FROM ${table} WHERE feed = ? AND symbol = ? AND ${bucket} = ? AND start < ? ORDER BY start DESC LIMIT 1`,
          [feed, symbol, key, timeMs],
          1,
        );
        if (row !== undefined) return row.close;
      }
      return null;
    },
    revisions: ({ feed, symbol }, range) =>
      selectOver(bucketsBetween(beginOf(range), range.toMs, 'day'), range, (day, limit) =>
        select(
          CandleRowSchema,
          `SELECT ${CANDLE_SELECTION} FROM candle_revisions WHERE feed = ? AND symbol = ? AND day = ? AND (start, version) > (?, ?) AND (start) < (?)`,
          [feed, symbol, day, beginOf(range), Number(range.after?.key ?? -1), range.toMs],
          limit,
        ),
      ),
    trades: ({ feed, symbol }, range) =>
      selectOver(hoursBetween(beginOf(range), range.toMs), range, (hour, limit) =>
        select(
          TradeRowSchema,
          'SELECT time, id, price, size FROM trades WHERE feed = ? AND symbol = ? AND hour = ? AND (time, id) > (?, ?) AND (time) < (?)',
          [feed, symbol, hour, beginOf(range), range.after?.key ?? '', range.toMs],
          limit,
        ),
      ),
    indicators: ({ feed, symbol }, name, range) =>
      selectOver(bucketsBetween(range.fromMs, range.toMs, 'day'), range, (day, limit) =>
        select(
          IndicatorRowSchema,
          'SELECT start, value, version FROM indicators WHERE feed = ? AND symbol = ? AND name = ? AND day = ? AND start >= ? AND start < ?',
          [feed, symbol, name, day, range.fromMs, range.toMs],
          limit,
        ),
      ),
    signals: (feed, symbol, range) =>
      selectOver(bucketsBetween(beginOf(range), range.toMs, 'day'), range, (day, limit) =>
        select(
          SignalRowSchema,
          'SELECT start, symbol, rule, side, strength, text, state, caused_at, version FROM signals WHERE feed = ? AND day = ? AND start >= ? AND start < ? ORDER BY start ASC',
          [feed, day, beginOf(range), range.toMs],
          limit,
          (row) =>
            (symbol === null || row.symbol === symbol) &&
            // The table goes from the newest start to the oldest, and this read backwards through all of its
            // key.
            (range.after === null || row.start > range.after.timeMs || keyOfSignal(row) < range.after.key),
        ),
      ),
    gaps: (feed, range) =>
      // A gap stands under the day on which it began, so one that began the day before may reach into the
      // range.
      selectOver(bucketsBetween(range.fromMs - DAY_MS, range.toMs, 'day'), range, (day, limit) =>
        select(
          GapRowSchema,
          'SELECT from_time, to_time, shard, reason, dropped_records FROM feed_gaps WHERE feed = ? AND day = ? AND from_time < ?',
          [feed, day, range.toMs],
          limit,
          (row) =>
            row.to_time >= range.fromMs &&
            (range.after === null ||
              row.from_time > range.after.timeMs ||
              (row.from_time === range.after.timeMs && keyOfGap(row) > range.after.key)),
        ),
      ),
    async ping() {
      await select(z.unknown(), 'SELECT feed FROM latest LIMIT 1', [], 1);
    },
  };
}

/** Where the rows of a keyed range begin. */
function beginOf({ fromMs, after }: KeyedRange): number {
  return Math.max(fromMs, after?.timeMs ?? fromMs);
}

function* hoursBetween(fromMs: number, toMs: number): Generator<number> {
  for (let atMs = fromMs - (fromMs % HOUR_MS); atMs < toMs; atMs += HOUR_MS) yield atMs;
}

/** The bucket that holds the time just before, and the one before it. */
function* bucketsBack(timeMs: number, { bucket }: Interval): Generator<string> {
  const own = bucketOf(timeMs - 1, bucket);
  yield own;
  yield bucketOf(Date.parse(`${own}T00:00:00Z`) - 1, bucket);
}
