/** A length of candle that can be asked for, and the table that holds it. */
export interface Interval {
  readonly name: '5s' | '1m' | '5m' | '1h' | '1d';
  readonly table: string;
  /** The column of the table's partition that is a date: the day, month or year that the candle begins in. */
  readonly bucket: 'day' | 'month' | 'year';
  readonly periodMs: number;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const INTERVALS: Readonly<Record<Interval['name'], Interval>> = {
  '5s': { name: '5s', table: 'candles_5s', bucket: 'day', periodMs: 5 * SECOND_MS },
  '1m': { name: '1m', table: 'candles_1m', bucket: 'day', periodMs: MINUTE_MS },
  '5m': { name: '5m', table: 'candles_5m', bucket: 'day', periodMs: 5 * MINUTE_MS },
  '1h': { name: '1h', table: 'candles_1h', bucket: 'month', periodMs: HOUR_MS },
  '1d': { name: '1d', table: 'candles_1d', bucket: 'year', periodMs: DAY_MS },
};

/** The UTC day of a time, `2026-11-28`. */
function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** The first day of the bucket that holds a time: the day itself, of its month, or of its year. */
export function bucketOf(timeMs: number, bucket: Interval['bucket']): string {
  const day = dayOf(timeMs);
  if (bucket === 'day') return day;
  return bucket === 'month' ? `${day.slice(0, 7)}-01` : `${day.slice(0, 4)}-01-01`;
}

/** The buckets that hold the times from `fromMs` up to, but not including, `toMs`; ascending. */
export function* bucketsBetween(fromMs: number, toMs: number, bucket: Interval['bucket']): Generator<string> {
  for (let atMs = fromMs; atMs < toMs; ) {
    const start = bucketOf(atMs, bucket);
    yield start;
    atMs = nextBucketMs(start, bucket);
  }
}

function nextBucketMs(start: string, bucket: Interval['bucket']): number {
  const date = new Date(`${start}T00:00:00Z`);
  if (bucket === 'day') date.setUTCDate(date.getUTCDate() + 1);
  else if (bucket === 'month') date.setUTCMonth(date.getUTCMonth() + 1);
  else date.setUTCFullYear(date.getUTCFullYear() + 1);
  return date.getTime();
}
