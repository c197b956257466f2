import { parseSymbols } from '@kandle/market/event/symbol';
import { BUCKET_MS, type BucketedView, bucketsBetween } from '@kandle/market/view/buckets';
import { type Piece, piecesOf, type Promotion } from '@kandle/market/view/promotions';
import { column } from '@kandle/runtime/cassandra-rows';
import { z } from 'zod';
import { type Select, selectOver } from './select-rows.ts';
import { seriesBuckets } from './series-buckets.ts';
import type { Range, Series } from './store.ts';

/** More longer candles than any question needs. */
const MAX_STARTS = 100_000;

/** The rows of one symbol in one partition of a bucketed view. */
export const OF_SERIES = 'feed = ? AND shard = ? AND bucket = ? AND symbol = ?';
const PlaceSchema = z.object({ shard: z.string(), time: column.timestamp });
const PendingSchema = z.object({ minute: column.timestamp, feed: z.string(), symbols: z.string() });
const StartSchema = z.object({ start: column.timestamp });

/** A part of a bucket, and the table in which it is read. */
export interface PlacedPiece extends Omit<Piece, 'keyspace'> {
  readonly bucket: number;
  readonly table: string;
}

/** Where a series stands: its shard, and its newest trade. */
export interface SeriesPlace {
  readonly shard: string;
  readonly newestMs: number;
}

/** Reads series over buckets of time, each piece of one where it is to be read. */
export interface SeriesReader {
  /** Where a series stands; null if it has no trade. */
  placeOf(series: Series): Promise<SeriesPlace | null>;
  /** Buckets, each cut where its rows are to be read in another place, ascending. */
  inPieces(
    view: BucketedView,
    buckets: Iterable<number> | AsyncIterable<number>,
    range: Pick<Range, 'fromMs' | 'toMs'>,
  ): AsyncGenerator<PlacedPiece>;
  /** Rows of a series in a range: `read` is given each piece of it, and the key of its partition and symbol. */
  selectSeries<T>(
    view: BucketedView,
    series: Series,
    range: Range,
    read: (piece: PlacedPiece, key: readonly unknown[], limit: number) => Promise<readonly T[]>,
  ): Promise<readonly T[]>;
}

/** @param promotions Which parts of the views are read in a shadow's keyspace. */
export function createSeriesReader(
  select: Select,
  promotions: () => Promise<readonly Promotion[]>,
): SeriesReader {
  async function placeOf({ feed, symbol }: Series): Promise<SeriesPlace | null> {
    const [row] = await select(
      PlaceSchema,
      'SELECT shard, time FROM latest WHERE feed = ? AND symbol = ?',
      [feed, symbol],
      1,
    );
    return row === undefined ? null : { shard: row.shard, newestMs: row.time };
  }

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

  return { placeOf, inPieces, selectSeries };
}

/** A view of the pipeline's own keyspace, or of a shadow's; both names are ours, and no input. */
function tableIn(keyspace: string | null, view: BucketedView): string {
  return keyspace === null ? view : `${keyspace}.${view}`;
}
