import { BUCKET_MS, type BucketedView, bucketsBetween } from '@kandle/market/view/buckets';
import { DAY_MS } from './intervals.ts';

/** What is known of where a series has rows. */
export interface SeriesIndex {
  /** When the series' newest trade was. */
  readonly newestMs: number;
  /** Starts of its longer candles in `[fromMs, toMs)`. */
  readonly starts: (
    table: 'candles_5m' | 'candles_1d',
    fromMs: number,
    toMs: number,
  ) => Promise<readonly number[]>;
  /** Minutes in which it has candles that are in no longer one yet. */
  readonly pending: () => Promise<readonly number[]>;
}

const FIVE_MS = 300_000;
/** Trades of so long before the newest one may be in no final candle yet. */
const RECENT_MS = 15 * 60_000;
/** So many buckets are looked into without asking first where there is something: two hours of trades. */
const MAX_BUCKETS = 240;

/**
 * The buckets of a view that may hold something of a series in a range, ascending. In a long range these are
 * the buckets of its five-minute candles, day by day, of those that are still to be made, and of its newest
 * trades.
 */
export async function* seriesBuckets(
  view: BucketedView,
  range: { readonly fromMs: number; readonly toMs: number },
  { newestMs, starts, pending }: SeriesIndex,
): AsyncGenerator<number> {
  const { fromMs } = range;
  // Nothing is newer than the newest trade, whose row may be a little older than what it tells of.
  const toMs = Math.min(range.toMs, newestMs + DAY_MS);
  if (view === 'candles_1d' || (toMs - fromMs) / BUCKET_MS[view] <= MAX_BUCKETS) {
    yield* bucketsBetween(view, fromMs, toMs);
    return;
  }
  const more = [...(await pending())];
  for (let atMs = newestMs - RECENT_MS; atMs <= newestMs + FIVE_MS; atMs += FIVE_MS) more.push(atMs);
  const days = startsOf([...(await starts('candles_1d', floor(fromMs, DAY_MS), toMs)), ...more], DAY_MS);
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const dayMs of days) {
    const nextMs = dayMs + DAY_MS;
    const known = await starts('candles_5m', dayMs, nextMs);
    const fives = startsOf([...known, ...more.filter((atMs) => atMs >= dayMs && atMs < nextMs)], FIVE_MS);
    for (const fiveMs of fives)
      for (const bucket of bucketsBetween(view, Math.max(fiveMs, fromMs), Math.min(fiveMs + FIVE_MS, toMs)))
        if (bucket > lastMs) yield (lastMs = bucket);
  }
}

function floor(timeMs: number, lengthMs: number): number {
  return timeMs - (timeMs % lengthMs);
}

/** The periods of a length that hold some times, each once, ascending. */
function startsOf(timesMs: readonly number[], lengthMs: number): readonly number[] {
  return [...new Set(timesMs.map((timeMs) => floor(timeMs, lengthMs)))].toSorted((a, b) => a - b);
}
