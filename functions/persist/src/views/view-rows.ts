const HOUR_MS = 3_600_000;

/** What all views of candles have beside their key. */
const CANDLE_NUMBERS = [
  'version',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'mean_price',
  'trade_count',
  'state',
  'revision',
  'reason',
  'complete',
  'notional',
  'volume_e8',
  'notional_e16',
  'price_sum_e8',
] as const;
const CANDLE_COLUMNS = ['feed', 'symbol', 'day', 'start', ...CANDLE_NUMBERS] as const;

/**
 * The views and their columns; the first `keyColumns` are the primary key. A write sets every column, so that a
 * row is always exactly one version and never a mixture of two.
 */
export const VIEWS = {
  trades: { keyColumns: 5, columns: ['feed', 'symbol', 'hour', 'time', 'id', 'price', 'size'] },
  latest: { keyColumns: 2, columns: ['feed', 'symbol', 'time', 'price', 'size'] },
  candles_5s: {
    keyColumns: 4,
    columns: CANDLE_COLUMNS,
  },
  candle_revisions: {
    keyColumns: 5,
    columns: CANDLE_COLUMNS,
  },
  candles_1m: rolledUpBy('day'),
  candles_5m: rolledUpBy('day'),
  candles_1h: rolledUpBy('month'),
  candles_1d: rolledUpBy('year'),
  feed_gaps: {
    keyColumns: 5,
    columns: ['feed', 'day', 'from_time', 'shard', 'reason', 'to_time', 'dropped_records'],
  },
  indicators: {
    keyColumns: 5,
    columns: ['feed', 'symbol', 'name', 'day', 'start', 'value', 'version'],
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
    keyColumns: 5,
    columns: [
      'feed',
      'symbol',
      'hour',
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
} as const satisfies Record<string, { readonly keyColumns: number; readonly columns: readonly string[] }>;

function rolledUpBy(bucket: string) {
  return {
    keyColumns: 4,
    columns: ['feed', 'symbol', bucket, 'start', ...CANDLE_NUMBERS, 'parts'],
  } as const;
}

/** The name of a view, which is its table's. */
export type ViewName = keyof typeof VIEWS;

/** The columns of a view. */
export type ViewColumn<View extends ViewName> = (typeof VIEWS)[View]['columns'][number];

/**
 * A value as Cassandra takes it: text, date (`2026-11-24`); double, int, timestamp (milliseconds); bigint;
 * boolean.
 */
export type ViewValue = string | number | bigint | boolean;

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

/** The UTC hour of a time, as its first millisecond. */
export function hourOf(timeMs: number): number {
  return timeMs - (timeMs % HOUR_MS);
}
