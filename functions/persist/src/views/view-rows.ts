import { INDICATOR_KINDS } from '@kandle/market/indicator/indicators';
import { CANDLE_CONTENT, INSTRUMENT_COLUMNS } from '@kandle/market/view/columns';

/** The key of a partition: what a shard's symbols have in a stretch of time (`@kandle/market/view/buckets`). */
const PARTITION = ['feed', 'shard', 'bucket'] as const;
const CANDLE_COLUMNS = [...PARTITION, 'symbol', 'start', 'version', ...CANDLE_CONTENT] as const;
const TRADE_COLUMNS = [...PARTITION, 'symbol', 'time', 'id', 'price', 'size'] as const;
const GAP_KEY = ['feed', 'day', 'from_time', 'shard', 'reason'] as const;
const ROLLUP_COLUMNS = [...CANDLE_COLUMNS, 'parts'] as const;

/**
 * The views and their columns; the first `keyColumns` are the primary key. A write sets every column, so that a
 * row is always exactly one version and never a mixture of two.
 */
export const VIEWS = {
  trades: { keyColumns: 6, columns: TRADE_COLUMNS },
  /** The same table: trades without conditions do without the two columns. */
  conditioned_trades: {
    keyColumns: 6,
    columns: [...TRADE_COLUMNS, 'conditions', 'price_rank'],
    table: 'trades',
  },
  /** The same table: trades that were fetched afterwards say where from. */
  backfilled_trades: {
    keyColumns: 6,
    columns: [...TRADE_COLUMNS, 'conditions', 'price_rank', 'backfilled'],
    table: 'trades',
  },
  latest: { keyColumns: 2, columns: ['feed', 'symbol', 'shard', 'time', 'price', 'size'] },
  candles_5s: { keyColumns: 5, columns: CANDLE_COLUMNS },
  candle_revisions: { keyColumns: 6, columns: CANDLE_COLUMNS },
  candles_1m: { keyColumns: 5, columns: ROLLUP_COLUMNS },
  candles_5m: { keyColumns: 5, columns: ROLLUP_COLUMNS },
  candles_1h: { keyColumns: 5, columns: ROLLUP_COLUMNS },
  candles_1d: { keyColumns: 5, columns: ROLLUP_COLUMNS },
  feed_gaps: {
    keyColumns: 5,
    columns: [...GAP_KEY, 'to_time', 'dropped_records'],
  },
  /** The same table: what a backfill made of a gap, in columns of its own that no report of the gap writes. */
  gap_backfills: {
    keyColumns: 5,
    columns: [
      ...GAP_KEY,
      'backfill_state',
      'backfill_source',
      'backfilled_trades',
      'backfill_left',
      'backfill_note',
      'backfilled_at',
    ],
    table: 'feed_gaps',
  },
  indicators: {
    keyColumns: 5,
    columns: [...PARTITION, 'symbol', 'start', ...INDICATOR_KINDS, 'names', 'version'],
  },
  signals: {
    keyColumns: 5,
    columns: [
      'feed',
      'day',
      'start',
      'symbol',
      'rule',
      'side',
      'strength',
      'text',
      'state',
      'numbers',
      'caused_at',
      'version',
    ],
  },
  order_books: {
    keyColumns: 6,
    columns: [
      ...PARTITION,
      'symbol',
      'time',
      'id',
      'bid',
      'bid_size',
      'ask',
      'ask_size',
      'mid',
      'spread',
      'bids',
      'asks',
    ],
  },
  instruments: { keyColumns: 3, columns: INSTRUMENT_COLUMNS },
  instrument_lists: {
    keyColumns: 2,
    columns: ['feed', 'list', 'tried_at', 'taken_at', 'refusal', 'active'],
  },
  news: {
    keyColumns: 5,
    columns: [
      'feed',
      'symbol',
      'day',
      'time',
      'id',
      'headline',
      'summary',
      'source',
      'category',
      'url',
      'sentiment',
      'rated',
    ],
  },
  /** The ratings once more, of all symbols of a feed: for signal, which asks for an hour of them. */
  news_ratings: {
    keyColumns: 5,
    columns: ['feed', 'bucket', 'time', 'symbol', 'id', 'sentiment', 'rated'],
  },
} as const satisfies Record<string, ViewShape>;

interface ViewShape {
  readonly keyColumns: number;
  readonly columns: readonly string[];
  /** The table, if it has not the view's name. */
  readonly table?: string;
}

/** The name of a view, which is its table's, unless another stands beside it. */
export type ViewName = keyof typeof VIEWS;

/** How a view is written. */
export function shapeOf(view: ViewName): ViewShape {
  return VIEWS[view];
}

/** The columns of a view. */
export type ViewColumn<View extends ViewName> = (typeof VIEWS)[View]['columns'][number];

/**
 * A value as Cassandra takes it: text, date (`2026-11-24`); double, int, timestamp (milliseconds); bigint;
 * boolean. Null only for a time that is not there: Grafana's plugin draws a number that is null as 0.
 */
export type ViewValue = string | number | bigint | boolean | null;

/**
 * One row of a view: a value for each of its columns, by name, so that none can be forgotten or take another's
 * place.
 *
 * `timestamp` is the write timestamp in microseconds, made of event data only: of two versions of a row the one
 * with the larger timestamp stays, in whatever order they come.
 */
export interface RowOf<View extends ViewName> {
  readonly view: View;
  readonly columns: Readonly<Record<ViewColumn<View>, ViewValue>>;
  readonly timestamp: bigint;
}

/** Which partition of a bucketed view a row stands in. */
export type PartitionKey = Readonly<Record<'feed' | 'shard', string>> & { readonly bucket: number };

/** A row of any view. */
export type ViewRow = { [View in ViewName]: RowOf<View> }[ViewName];

/**
 * Rows that share their partition key, of one view or of two with the same key: together they are one mutation.
 */
export type PartitionRows = readonly ViewRow[];

/** Where rows are written. */
export interface Views {
  /**
   * Resolves when every row is durable; rows may be written in any order, and some of them when it fails.
   *
   * @throws {RetryableError | PoisonError} If the database did not take a row.
   */
  write(partitions: readonly PartitionRows[]): Promise<void>;
}

/** The largest time that is a safe integer in microseconds, in the year 2255. */
const MAX_TIME_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1_000) - 1;

/**
 * A write timestamp: an event time in microseconds, plus a number from 0 on that orders rows within it.
 *
 * @throws {RangeError} If the time is beyond the year 2255: no market's, and no Cassandra date either.
 */
export function writeTimestamp(timeMs: number, order = 0): bigint {
  if (timeMs > MAX_TIME_MS) throw new RangeError('a time is beyond the year 2255');
  return BigInt(timeMs * 1_000 + order);
}

const MAX_INT = 2_147_483_647;

/** A number that fits a column of type int. @throws {RangeError} If it is beyond 2^31. */
export function checkedInt(value: number): number {
  if (value > MAX_INT) throw new RangeError('a count is beyond 2^31');
  return value;
}

/** The UTC day of a time, `2026-11-24`. @throws {RangeError} If the time is beyond what a date can be. */
export function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
