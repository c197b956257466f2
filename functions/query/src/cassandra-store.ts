import { indicatorKindOf } from '@kandle/market/indicator/indicators';
import { BUCKET_MS, bucketOf } from '@kandle/market/view/buckets';
import type { Promotion } from '@kandle/market/view/promotions';
import { column } from '@kandle/runtime/cassandra-rows';
import type { Client } from 'cassandra-driver';
import { z } from 'zod';
import { EXACT_CANDLE_SELECTION, ExactCandleRowSchema } from './exact.ts';
import { DAY_MS, daysBetween, INTERVALS } from './intervals.ts';
import {
  CANDLE_COLUMNS,
  type CandleRow,
  CandleRowSchema,
  GapRowSchema,
  IndicatorRowSchema,
  InstrumentListRowSchema,
  InstrumentRowSchema,
  SignalRowSchema,
  SymbolRowSchema,
  TRADE_COLUMNS,
  TradeRowSchema,
} from './rows.ts';
import { keyOfGap, keyOfSignal } from './row-keys.ts';
import { createSelect, selectOver } from './select-rows.ts';
import { createSeriesReader, OF_SERIES, type PlacedPiece } from './series-reader.ts';
import type { InstrumentPlace, KeyedRange, QueryStore } from './store.ts';

/** Most feeds that are looked at. */
const MAX_FEEDS = 20;

/** As it stands in the table: NaN where the indicator is not warm, null where the column was never written. */
const NamedIndicatorSchema = IndicatorRowSchema.extend({
  value: column.average.nullable(),
  names: z.string(),
});

/** More lists of vendors than there are. */
const MAX_LISTS = 1_000;
/** The columns of an instrument, by the names under which they are answered. */
const INSTRUMENT_SELECTION = Object.keys(InstrumentRowSchema.shape)
  .map((name) => (name === 'symbol' ? 'ticker AS symbol' : name))
  .join(', ');

/** What is read of a candle, and what makes a row of it. */
const CANDLE = { schema: CandleRowSchema, selection: CANDLE_COLUMNS.join(', ') };
const EXACT_CANDLE = { schema: ExactCandleRowSchema, selection: EXACT_CANDLE_SELECTION.join(', ') };

/**
 * The views in Cassandra, read only. Statements are fixed texts with bound values: no input is ever part of
 * one.
 */
export function createCassandraStore(
  client: Client,
  /** Which parts of the views are read in a shadow's keyspace. */
  promotions: () => Promise<readonly Promotion[]>,
): QueryStore {
  const select = createSelect(client);
  const { placeOf, inPieces, selectSeries } = createSeriesReader(select, promotions);

  async function feedsIn(table: 'latest' | 'instruments'): Promise<readonly string[]> {
    const rows = await select(
      z.object({ feed: z.string() }),
      `SELECT DISTINCT feed FROM ${table} LIMIT ${MAX_FEEDS}`,
      [],
      MAX_FEEDS,
    );
    return rows.map(({ feed }) => feed).toSorted();
  }
  const feeds = () => feedsIn('latest');
  const instrumentFeeds = () => feedsIn('instruments');

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
    candles(series, { table }, range) {
      const { schema, selection } = range.exact === true ? EXACT_CANDLE : CANDLE;
      return selectSeries(table, series, range, (piece, key, limit) =>
        select<CandleRow>(
          schema,
          `SELECT ${selection} FROM ${piece.table} WHERE ${OF_SERIES} AND start >= ? AND start < ?`,
          [...key, piece.fromMs, piece.toMs],
          limit,
        ),
      );
    },
    async closeBefore({ feed, symbol }, interval, timeMs) {
      const place = await placeOf({ feed, symbol });
      if (place === null) return null;
      let beforeMs = timeMs;
      // What is further back than the bucket before is looked for in longer candles: their last close is the
      // same.
      for (const { table, periodMs } of Object.values(INTERVALS)) {
        if (periodMs < interval.periodMs) continue;
        const own = bucketOf(table, beforeMs - 1);
        for (const bucket of [own, own - BUCKET_MS[table]]) {
          const pieces: PlacedPiece[] = [];
          for await (const piece of inPieces(table, [bucket], { fromMs: bucket, toMs: beforeMs }))
            pieces.unshift(piece);
          for (const piece of pieces) {
            const [row] = await select(
              z.object({ close: z.number() }),
              `SELECT close FROM ${piece.table} WHERE ${OF_SERIES} AND start >= ? AND start < ? ORDER BY symbol DESC, start DESC LIMIT 1`,
              [feed, place.shard, new Date(bucket), symbol, piece.fromMs, piece.toMs],
              1,
            );
            if (row !== undefined) return row.close;
          }
        }
        beforeMs = own - BUCKET_MS[table];
      }
      return null;
    },
    revisions(series, range) {
      const { schema, selection } = range.exact === true ? EXACT_CANDLE : CANDLE;
      const span = { ...range, fromMs: beginOf(range) };
      return selectSeries('candle_revisions', series, span, (piece, key, limit) =>
        select<CandleRow>(
          schema,
          `SELECT ${selection} FROM ${piece.table} WHERE ${OF_SERIES} AND (start, version) > (?, ?) AND (start) < (?)`,
          [...key, piece.fromMs, Number(afterIn(piece, range) ?? -1), piece.toMs],
          limit,
        ),
      );
    },
    trades: (series, range) =>
      selectSeries('trades', series, { ...range, fromMs: beginOf(range) }, (piece, key, limit) =>
        select(
          TradeRowSchema,
          `SELECT ${TRADE_COLUMNS.join(', ')} FROM ${piece.table} WHERE ${OF_SERIES} AND (time, id) > (?, ?) AND (time) < (?)`,
          [...key, piece.fromMs, afterIn(piece, range) ?? '', piece.toMs],
          limit,
        ),
      ),
    async indicators(series, name, range) {
      const kind = indicatorKindOf(name);
      if (kind === null) return [];
      const rows = await selectSeries('indicators', series, range, (_, key, limit) =>
        select(
          NamedIndicatorSchema,
          `SELECT start, ${kind} AS value, names, version FROM indicators WHERE ${OF_SERIES} AND start >= ? AND start < ?`,
          [...key, range.fromMs, range.toMs],
          limit,
          // One that was not warm, or that had another period then, is none.
          ({ names }) => names.split(' ').includes(name),
        ),
      );
      return rows.map(({ start, value, version }) => ({ start, value: value ?? Number.NaN, version }));
    },
    signals: (feed, symbol, range) =>
      selectOver(daysBetween(beginOf(range), range.toMs), range.limit, (day, limit) =>
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
      selectOver(daysBetween(range.fromMs - DAY_MS, range.toMs), range.limit, (day, limit) =>
        select(
          GapRowSchema,
          'SELECT from_time, to_time, shard, reason, dropped_records, backfill_state, backfill_source, backfill_note FROM feed_gaps WHERE feed = ? AND day = ? AND from_time < ?',
          [feed, day, range.toMs],
          limit,
          (row) =>
            row.to_time >= range.fromMs &&
            (range.after === null ||
              row.from_time > range.after.timeMs ||
              (row.from_time === range.after.timeMs && keyOfGap(row) > range.after.key)),
        ),
      ),
    async instruments({ feed, symbols, isWanted, after, limit }) {
      const all = feed === null ? await instrumentFeeds() : [feed];
      const from = after === null ? all : all.filter((one) => one >= after.feed);
      return selectOver(from, limit, (one, most) => {
        const [of, values] = symbols === null ? ['', []] : [' AND ticker IN ?', [symbols]];
        const isBegun = after !== null && one === after.feed;
        // Multi-column bounds and IN do not go together; a question for some tickers has few rows.
        const isBound = isBegun && symbols === null;
        return select(
          InstrumentRowSchema,
          `SELECT ${INSTRUMENT_SELECTION} FROM instruments WHERE feed = ?${of}${isBound ? ' AND (ticker, valid_from) > (?, ?)' : ''}`,
          [one, ...values, ...(isBound ? [after.symbol, after.valid_from] : [])],
          most,
          (row) => (!isBegun || isBound || isAfter(row, after)) && isWanted(row),
        );
      });
    },
    instrumentLists: () =>
      select(
        InstrumentListRowSchema,
        'SELECT feed, list, tried_at, taken_at, refusal, active FROM instrument_lists',
        [],
        MAX_LISTS,
      ),
    async ping() {
      await select(z.unknown(), 'SELECT feed FROM latest LIMIT 1', [], 1);
    },
  };
}

/** True for a row that stands behind another one of its feed. */
function isAfter(row: InstrumentPlace, other: InstrumentPlace): boolean {
  const order = Buffer.compare(Buffer.from(row.symbol), Buffer.from(other.symbol));
  return order > 0 || (order === 0 && row.valid_from > other.valid_from);
}

/** Where the rows of a keyed range begin. */
function beginOf({ fromMs, after }: KeyedRange): number {
  return Math.max(fromMs, after?.timeMs ?? fromMs);
}

/** The last key that is not wanted any more, in the piece that begins with its time. */
function afterIn(piece: PlacedPiece, { after }: KeyedRange): string | null {
  return after !== null && after.timeMs === piece.fromMs ? after.key : null;
}
