const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * How long a partition of a view is, in milliseconds: it holds what a shard's symbols have in that time.
 *
 * Below 100,000 rows each: trades at 2,000 a second of one symbol, books at four a second of 800 symbols, 27
 * news a second of a feed, and 120 candles of each of 800 symbols. A bucket of candles is a whole number of the
 * next longer ones, so that the parts of a candle stand in one partition. Candles of a day have 24: a longer
 * one, in milliseconds, is no `int` of CQL, and a dashboard that counts buckets back could not name it.
 */
export const BUCKET_MS = {
  trades: 30 * SECOND_MS,
  order_books: 30 * SECOND_MS,
  candles_5s: 10 * MINUTE_MS,
  candle_revisions: 10 * MINUTE_MS,
  indicators: 10 * MINUTE_MS,
  news_ratings: HOUR_MS,
  candles_1m: 2 * HOUR_MS,
  candles_5m: 10 * HOUR_MS,
  candles_1h: 5 * DAY_MS,
  candles_1d: 24 * DAY_MS,
} as const;

/** A view whose partitions are buckets of time. */
export type BucketedView = keyof typeof BUCKET_MS;

/** The partition that holds a time, as its first millisecond; buckets are counted from the epoch. */
export function bucketOf(view: BucketedView, timeMs: number): number {
  return timeMs - (timeMs % BUCKET_MS[view]);
}

/** The buckets that hold the times from `fromMs` up to, but not including, `toMs`; ascending. */
export function* bucketsBetween(view: BucketedView, fromMs: number, toMs: number): Generator<number> {
  for (let atMs = bucketOf(view, fromMs); atMs < toMs; atMs += BUCKET_MS[view]) yield atMs;
}
