import { parseSymbols } from '@kandle/market/event/symbol';
import { indicatorKindOf } from '@kandle/market/indicator/indicators';
import { BUCKET_MS, type BucketedView, bucketOf, bucketsBetween } from '@kandle/market/view/buckets';
import { type Piece, piecesOf, type Promotion } from '@kandle/market/view/promotions';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import { column, parseRows } from '@kandle/runtime/cassandra-rows';
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
  TradeRowSchema,
} from './rows.ts';
import { keyOfGap, keyOfSignal } from './row-keys.ts';
import { seriesBuckets } from './series-buckets.ts';
import type { InstrumentPlace, KeyedRange, QueryStore, Range, Series } from './store.ts';

/** Rows of one answer of the database: what a request holds in memory beside its own page. */
const FETCH_SIZE = 1_000;
/** Most feeds that are looked at. */
const MAX_FEEDS = 20;

/** Most partitions that one question reads at once. */
const READS_AT_ONCE = 8;
/** More longer candles than any question needs. */
const MAX_STARTS = 100_000;

/** The rows of one symbol in one partition of a bucketed view. */
const OF_SERIES = 'feed = ? AND shard = ? AND bucket = ? AND symbol = ?';
const PlaceSchema = z.object({ shard: z.string(), time: column.timestamp });
const PendingSchema = z.object({ minute: column.timestamp, feed: z.string(), symbols: z.string() });
const StartSchema = z.object({ start: column.timestamp });
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

/** A part of a bucket, and the table in which it is read. */
interface PlacedPiece extends Omit<Piece, 'keyspace'> {
  readonly bucket: number;
  readonly table: string;
}

/** Where a series stands: its shard, and its newest trade. */
interface SeriesPlace {
  readonly shard: string;
  readonly newestMs: number;
}

/**
 * The views in Cassandra, read only. Statements are fixed texts with bound values: no input is ever part of
 * one.
 */
export function createCassandraStore(
  client: Client,
  /** Which parts of the views are read in a shadow's keyspace. */
  promotions: () => Promise<readonly Promotion[]>,
): QueryStore {
  async function select<T>(
    schema: z.ZodType<T>,
    statement: string,
    params: readonly unknown[],
    limit: number,
    isWanted?: (row: T) => boolean,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    try {
      let pageState: string | undefined;
      do {
        const result = await client.execute(statement, [...params], {
          prepare: true,
          isIdempotent: true,
          // Of those that are read, few may be wanted.
          fetchSize: isWanted === undefined ? Math.min(FETCH_SIZE, limit) : FETCH_SIZE,
          ...(pageState === undefined ? {} : { pageState }),
        });
        const rows = parseRows(schema, result.rows, 'read a view');
        found.push(...(isWanted === undefined ? rows : rows.filter(isWanted)));
        pageState = result.pageState ?? undefined;
      } while (pageState !== undefined && found.length < limit);
    } catch (error) {
      throw translateCassandraError(error, 'read a view');
    }
    return found.slice(0, limit);
  }

  /** Rows of consecutive partitions in their order, a few partitions at once, until there are enough. */
  async function selectOver<K, T>(
    keys: Iterable<K> | AsyncIterable<K>,
    limit: number,
    read: (key: K, limit: number) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    const waiting = Symbol.asyncIterator in keys ? keys[Symbol.asyncIterator]() : keys[Symbol.iterator]();
    for (let atOnce = 1; found.length < limit; ) {
      const wanted = limit - found.length;
      const reads: Promise<readonly T[]>[] = [];
      for (let next = await waiting.next(); next.done !== true; next = await waiting.next()) {
        if (reads.push(read(next.value, wanted)) === atOnce) break;
      }
      if (reads.length === 0) break;
      const lists = await Promise.all(reads);
      for (const list of lists) found.push(...list);
      // As many as are needed if the next ones are like the fullest of these: little is read in vain.
      const fullest = Math.max(1, ...lists.map(({ length }) => length));
      atOnce = Math.min(Math.max(1, Math.ceil((limit - found.length) / fullest)), READS_AT_ONCE);
    }
    return found.slice(0, limit);
  }

  /** Where a series stands; null if it has no trade. */
  async function placeOf({ feed, symbol }: Series): Promise<SeriesPlace | null> {
    const [row] = await select(
      PlaceSchema,
      'SELECT shard, time FROM latest WHERE feed = ? AND symbol = ?',
      [feed, symbol],
      1,
    );
    return row === undefined ? null : { shard: row.shard, newestMs: row.time };
  }

  /** Buckets, each cut where its rows are to be read in another place, ascending. */
  async function* inPieces(
    view: BucketedView,
    buckets: Iterable<number> | AsyncIterable<number>,
    { fromMs, toMs }: Pick<Range, 'fromMs' | 'toMs'>,
  ): AsyncGenerator<PlacedPiece> {
    const promoted = await promotions();
    for await (const bucket of buckets) {
      const span = {
        fromMs: Math.max(fromMs, bucket),
        toMs: Math.min(toMs, bucket + BUCKET_MS[view]),
      };
      for (const { keyspace, ...piece } of piecesOf(view, span, promoted))
        yield { ...piece, bucket, table: tableIn(keyspace, view) };
    }
  }

  /** Rows of a series in a range: `read` is given each piece of it, and the key of its partition and symbol. */
  async function selectSeries<T>(
    view: BucketedView,
    { feed, symbol }: Series,
    { fromMs, toMs, limit }: Range,
    read: (piece: PlacedPiece, key: readonly unknown[], limit: number) => Promise<readonly T[]>,
  ): Promise<readonly T[]> {
    const place = await placeOf({ feed, symbol });
    if (place === null) return [];
    const { shard } = place;
    const keyOf = (bucket: number): readonly unknown[] => [feed, shard, new Date(bucket), symbol];
    const buckets = seriesBuckets(
      view,
      { fromMs, toMs },
      {
        newestMs: place.newestMs,
        async starts(table, firstMs, lastMs) {
          const range = { fromMs: firstMs, toMs: lastMs };
          const pieces = inPieces(table, bucketsBetween(table, firstMs, lastMs), range);
          const rows = await selectOver(pieces, MAX_STARTS, (piece, most) =>
            select(
              StartSchema,
              `SELECT start FROM ${piece.table} WHERE ${OF_SERIES} AND start >= ? AND start < ?`,
              [...keyOf(piece.bucket), piece.fromMs, piece.toMs],
              most,
            ),
          );
          return rows.map(({ start }) => start);
        },
        async pending() {
          const rows = await select(
            PendingSchema,
            'SELECT minute, feed, symbols FROM rollup_pending',
            [],
            MAX_STARTS,
          );
          return rows
            .filter((row) => row.feed === feed && parseSymbols(row.symbols).includes(symbol))
            .map(({ minute }) => minute);
        },
      },
    );
    return selectOver(inPieces(view, buckets, { fromMs, toMs }), limit, (piece, most) =>
      read(piece, keyOf(piece.bucket), most),
    );
  }

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
          `SELECT time, id, price, size, conditions, price_rank FROM ${piece.table} WHERE ${OF_SERIES} AND (time, id) > (?, ?) AND (time) < (?)`,
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

/** A view of the pipeline's own keyspace, or of a shadow's; both names are ours, and no input. */
function tableIn(keyspace: string | null, view: BucketedView): string {
  return keyspace === null ? view : `${keyspace}.${view}`;
}
