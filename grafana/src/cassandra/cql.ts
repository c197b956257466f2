/**
 * Every CQL text of the dashboards and alerts is made here, so that a table's key is written down once. What
 * the plugin can and cannot do decides its form: one line that begins with SELECT; the series first; buckets
 * counted back from the right edge of the range by CQL itself, for what Grafana's own date variables say
 * depends on the browser's time zone. The macros are replaced as text.
 */
const FROM = '$__timeFrom';
const TO = '$__timeTo';

/** The keyspace that the texts name, of what is not read in a shadow's. */
export const KEYSPACE = 'kandle';

/** Most rows of one answer, at any range: the plugin itself has no limit. */
const MAX_ROWS = 2_000;

/** A CQL term, or a variable of a dashboard that stands for one. */
type Term = string;

/** Which series are read: a condition on the feed, its shards, and its symbols; null for all of a shard. */
export interface Series {
  readonly feed: Term;
  readonly shard: Term;
  readonly symbol: Term | null;
}

/** The series that a dashboard's variables `feed`, `shard` and `symbol` name. */
export const CHOSEN: Series = {
  feed: "= '${feed}'",
  shard: "= '${shard}'",
  symbol: "= '${symbol}'",
};

/** A view whose partitions are short stretches of time. */
export interface Bucketed {
  /** Where it stands: {@link KEYSPACE}, or a variable that {@link selectPlace} answers. */
  readonly keyspace: Term;
  readonly table: string;
  /** The length of a bucket as CQL writes it, such as `10m`, or a variable of milliseconds. */
  readonly bucket: string;
  readonly time: string;
}

/** The view of candles that the variables `candles` and `bucket` name. */
export const CANDLES: Bucketed = {
  keyspace: '${candles_in}',
  table: 'candles_${candles}',
  bucket: '${bucket}',
  time: 'start',
};
/** For alerts, which know no variables: what the pipeline writes. */
export const CANDLES_5M: Bucketed = {
  keyspace: KEYSPACE,
  table: 'candles_5m',
  bucket: '10h',
  time: 'start',
};
export const CANDLES_1D: Bucketed = {
  keyspace: '${days_in}',
  table: 'candles_1d',
  bucket: '24d',
  time: 'start',
};
export const REVISIONS: Bucketed = {
  keyspace: '${revisions_in}',
  table: 'candle_revisions',
  bucket: '10m',
  time: 'start',
};
export const TRADES: Bucketed = { keyspace: '${trades_in}', table: 'trades', bucket: '30s', time: 'time' };
/** A shadow has no indicators and no books of its own. */
export const INDICATORS: Bucketed = {
  keyspace: KEYSPACE,
  table: 'indicators',
  bucket: '10m',
  time: 'start',
};
export const ORDER_BOOKS: Bucketed = {
  keyspace: KEYSPACE,
  table: 'order_books',
  bucket: '30s',
  time: 'time',
};

/** What holds 2,000 rows of a symbol, wherever the range begins within a bucket of 120 rows. */
const BUCKETS = 18;

/** Rows of the range, of as many buckets as are counted back from its right edge. */
export function selectRange(
  { keyspace, table, bucket, time }: Bucketed,
  series: Series,
  columns: readonly string[],
  { buckets = BUCKETS, until = TO, limit = MAX_ROWS } = {},
): string {
  return [
    `SELECT ${columns.join(', ')} FROM ${keyspace}.${table}`,
    `WHERE feed ${series.feed} AND shard ${series.shard} AND bucket IN (${bucketsBack(bucket, buckets)})`,
    ...(series.symbol === null ? [] : [`AND symbol ${series.symbol}`]),
    `AND ${time} >= ${FROM} AND ${time} <= ${until} LIMIT ${limit}`,
    // Without a symbol the range is no slice of the key. What is read stays one partition per shard and bucket.
    ...(series.symbol === null ? ['ALLOW FILTERING'] : []),
  ].join(' ');
}

/** The newest rows of the range in one bucket: so many buckets before that of the right edge. */
export function selectNewest(
  { keyspace, table, bucket, time }: Bucketed,
  series: Series,
  columns: readonly string[],
  { before, limit }: { readonly before: number; readonly limit: number },
): string {
  return [
    `SELECT ${columns.join(', ')} FROM ${keyspace}.${table}`,
    `WHERE feed ${series.feed} AND shard ${series.shard} AND bucket = ${bucketBack(bucket, before)}`,
    `AND symbol ${series.symbol ?? ''} AND ${time} >= ${FROM} AND ${time} <= ${TO}`,
    `ORDER BY symbol DESC, ${time} DESC LIMIT ${limit}`,
  ].join(' ');
}

/** The row of every symbol whose period holds the right edge. */
export function selectRunning(
  { keyspace, table, bucket }: Bucketed,
  series: Series,
  columns: readonly string[],
  period: string,
): string {
  return [
    `SELECT ${columns.join(', ')} FROM ${keyspace}.${table}`,
    `WHERE feed ${series.feed} AND shard ${series.shard} AND bucket = ${bucketBack(bucket, 0)}`,
    `AND start = floor((timestamp)${TO}, ${period}) LIMIT ${MAX_ROWS} ALLOW FILTERING`,
  ].join(' ');
}

/** A ledger whose partitions are UTC days. */
export interface Daily {
  readonly table: 'signals' | 'feed_gaps' | 'news';
  readonly time: string;
}

export const SIGNALS: Daily = { table: 'signals', time: 'start' };
export const GAPS: Daily = { table: 'feed_gaps', time: 'from_time' };
export const NEWS: Daily = { table: 'news', time: 'time' };

/** Most days that a ledger is read over: a longer range shows its last ones. */
const DAYS = 32;

/** Rows of the range. @param conditions On other columns than feed, day and time. */
export function selectDays(
  { table, time }: Daily,
  feed: Term,
  columns: readonly string[],
  {
    conditions = [],
    days = DAYS,
    limit = MAX_ROWS,
  }: { conditions?: readonly string[]; days?: number; limit?: number } = {},
): string {
  const list = Array.from({ length: days }, (_, n) =>
    n === 0 ? `toDate((timestamp)${TO})` : `toDate((timestamp)${TO}) - ${n}d`,
  );
  // The symbol is part of the partition of news, and of no other ledger.
  const isFiltered = table !== 'news' && conditions.length > 0;
  return [
    `SELECT ${columns.join(', ')} FROM ${KEYSPACE}.${table}`,
    `WHERE feed ${feed} AND day IN (${list.join(', ')})`,
    ...conditions.map((condition) => `AND ${condition}`),
    `AND ${time} >= ${FROM} AND ${time} <= ${TO} LIMIT ${limit}`,
    ...(isFiltered ? ['ALLOW FILTERING'] : []),
  ].join(' ');
}

/** The newest trade of each symbol of a feed. */
export function selectLatest(feed: Term, columns: readonly string[], symbol: Term | null = null): string {
  const of = symbol === null ? '' : ` AND symbol ${symbol}`;
  return `SELECT ${columns.join(', ')} FROM ${KEYSPACE}.latest WHERE feed ${feed}${of} LIMIT ${MAX_ROWS}`;
}

/** What a symbol is and was by the vendors' lists. @param symbol A condition, as in {@link Series}. */
export function selectInstruments(feed: Term, symbol: Term, columns: readonly string[]): string {
  return `SELECT ${columns.join(', ')} FROM ${KEYSPACE}.instruments WHERE feed ${feed} AND ticker ${symbol} LIMIT ${MAX_ROWS}`;
}

/** The runs of the audit over all feeds, newest first. */
export function selectAudits(columns: readonly string[]): string {
  return `SELECT ${columns.join(', ')} FROM ${KEYSPACE}.audits WHERE scope = 'all' AND finished_at >= ${FROM} AND finished_at <= ${TO} LIMIT ${MAX_ROWS}`;
}

/** Values of a dashboard's variables. Macros are not replaced in them, but `${__from}` and `${__to}` are. */
export const VARIABLES = {
  feeds: `SELECT DISTINCT feed FROM ${KEYSPACE}.latest`,
  symbols: `SELECT symbol FROM ${KEYSPACE}.latest WHERE feed = '\${feed}'`,
  shard: `SELECT shard FROM ${KEYSPACE}.latest WHERE feed = '\${feed}' AND symbol = '\${symbol}'`,
  shards: `SELECT shard FROM ${KEYSPACE}.latest WHERE feed = '\${feed}'`,
} as const;

/**
 * What a dashboard reads candles from at its range, by the table `candle_intervals`: the finest that has no
 * more than so many rows, and that is no finer than the reader wants.
 */
export function selectInterval(
  column: 'interval' | 'bucket' | 'indicators_end',
  most: 2_000 | 100,
  atLeast: Term,
): string {
  return `SELECT ${column} FROM ${KEYSPACE}.candle_intervals WHERE most = ${most} AND at_least = ${atLeast} AND up_to_ms >= (bigint)\${__to} - (bigint)\${__from} LIMIT 1`;
}

/**
 * The keyspace in which a view is read at the range of a dashboard: a shadow's, if all of the range lies in a
 * stretch that was promoted, else the pipeline's own.
 *
 * @param view A table, or the name of one with a variable in it.
 */
export function selectPlace(view: string): string {
  return `SELECT read_in FROM ${KEYSPACE}.promotions WHERE name = 'views' AND table_name = '${view}' AND until > \${__to} AND since <= \${__from} LIMIT 1 ALLOW FILTERING`;
}

/** Every stretch that is read in a shadow's keyspace, whatever the range. */
export function selectPlaces(columns: readonly string[]): string {
  return `SELECT ${columns.join(', ')} FROM ${KEYSPACE}.promotions WHERE name = 'views' AND since > 0 LIMIT ${MAX_ROWS} ALLOW FILTERING`;
}

function bucketsBack(bucket: string, count: number): string {
  return Array.from({ length: count }, (_, n) => bucketBack(bucket, n)).join(', ');
}

/**
 * The bucket of the right edge, or so many before it; a bucket's begin is a multiple of its length. A variable
 * is in milliseconds, and multiplied: Cassandra takes time without end for a long chain of subtractions.
 */
function bucketBack(bucket: string, before: number): string {
  const [, count, unit] = /^(\d+)(\w+)$/.exec(bucket) ?? [];
  if (count === undefined) return `(${TO} / ${bucket} - ${before}) * ${bucket}`;
  return `floor((timestamp)${TO}, ${bucket})${before === 0 ? '' : ` - ${Number(count) * before}${unit}`}`;
}
