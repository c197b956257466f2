import type { PlacedRollup, WrongGap } from '../compare/wrongs.ts';
import type { Gap } from '../read/raw-batch.ts';
import type { GapRow, StoredTrade, ViewRow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import { candleColumns, type CandleLife, type CandleNumbers } from '../recompute/candle.ts';
import type { PlacedTrade } from '../recompute/expected-window.ts';
import type { Rank } from '../recompute/conditions.ts';
import type { Columns } from '../values/columns.ts';
import { doubleOf } from '../values/decimal.ts';
import { CANDLES_BUCKET_MS, dayOf, startOf, TRADES_BUCKET_MS } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';
import type { WindowPlan } from './plan-window.ts';
import type { PlacedRow, RowChange } from './view-rows.ts';

/** The part of a view's key that says whose rows these are. */
type ShardPlace = Readonly<Record<'feed' | 'shard', string>>;

const MICROSECONDS = 1_000n;
/** Most that orders the reports of one gap within a microsecond's thousand. */
const MAX_ORDER = 999;

/** The candle of a window's row, with the timestamp of its version. */
export function candleWrite(
  { shard, windowStartMs, isSampled }: Pick<WindowPlan, 'shard' | 'windowStartMs' | 'isSampled'>,
  row: StoredRow,
  life: CandleLife,
  found: Columns | null,
): RowChange {
  return {
    ...candleKey({ feed: feedOf(shard), shard }, row.symbol, windowStartMs),
    found,
    wanted: candleColumns(numbersOf(row.columns, isSampled), life),
    timestamp: BigInt(windowStartMs) * MICROSECONDS + BigInt(life.version),
  };
}

/** A row of `candles_5s` that should not be there. */
export function candleRemoval(place: ShardPlace, { symbol, timeMs, columns: found }: ViewRow): RowChange {
  return { ...candleKey(place, symbol, timeMs), found, wanted: null, timestamp: null };
}

function candleKey(place: ShardPlace, symbol: string, startMs: number): Pick<PlacedRow, 'table' | 'key'> {
  const bucket = startOf(startMs, CANDLES_BUCKET_MS);
  return { table: 'candles_5s', key: { ...place, bucket, symbol, start: startMs } };
}

/**
 * The numbers of a candle in a row of `windows`.
 *
 * @param isSampled The shard's feed samples: the row itself does not say it.
 */
export function numbersOf(columns: Columns, isSampled: boolean): CandleNumbers {
  const integer = (name: string): bigint => BigInt(columns[name] ?? 0);
  const rank = rankInKey(String(columns['last_key']));
  return {
    openE8: integer('open_e8'),
    highE8: integer('high_e8'),
    lowE8: integer('low_e8'),
    closeE8: integer('close_e8'),
    volumeE8: integer('volume_e8'),
    notionalE16: integer('notional_e16'),
    priceSumE8: integer('price_sum_e8'),
    tradeCount: Number(columns['trade_count']),
    rank,
    isSampled: isSampled || rank === 3,
  };
}

/** The rank that a key of `windows` ends with. */
function rankInKey(key: string): Rank {
  const rank = Number(key.split(':')[4] ?? 0);
  return rank === 1 || rank === 2 || rank === 3 ? rank : 0;
}

/** A trade of the log as a row of `trades`. */
export function tradeWrite(place: ShardPlace, trade: PlacedTrade, found: StoredTrade | null): RowChange {
  const { symbol, eventTimeMs: timeMs, id, priceE8, sizeE8, conditions = '', rank = 0 } = trade;
  const { backfilled = null } = trade;
  const marks = {
    ...(conditions === '' && backfilled === null ? {} : { conditions, price_rank: rank }),
    ...(backfilled === null ? {} : { backfilled }),
  };
  return {
    ...tradeKey(place, { symbol, timeMs, id }),
    found: found === null ? null : tradeColumns(found),
    wanted: { price: doubleOf(priceE8), size: doubleOf(sizeE8), ...marks },
    timestamp: BigInt(timeMs) * MICROSECONDS,
  };
}

/** A row of `trades` that should not be there. */
export function tradeRemoval(place: ShardPlace, row: StoredTrade): RowChange {
  return { ...tradeKey(place, row), found: tradeColumns(row), wanted: null, timestamp: null };
}

function tradeColumns({
  price,
  size,
  conditions = null,
  rank = null,
  backfilled = null,
}: StoredTrade): Columns {
  return {
    price,
    size,
    ...(conditions === null ? {} : { conditions, price_rank: rank }),
    ...(backfilled === null ? {} : { backfilled }),
  };
}

function tradeKey(
  place: ShardPlace,
  { symbol, timeMs, id }: Pick<StoredTrade, 'symbol' | 'timeMs' | 'id'>,
): Pick<PlacedRow, 'table' | 'key'> {
  const bucket = startOf(timeMs, TRADES_BUCKET_MS);
  return { table: 'trades', key: { ...place, bucket, symbol, time: timeMs, id } };
}

/** What puts a longer candle right. */
export function rollupChange({
  feed,
  shard,
  symbol,
  startMs,
  table,
  columns,
  found,
}: PlacedRollup): RowChange {
  return {
    table: table.table,
    key: { feed, shard, bucket: startOf(startMs, table.bucketMs), symbol, start: startMs },
    found,
    wanted: columns,
    timestamp: columns === null ? null : BigInt(startMs) * MICROSECONDS + BigInt(Number(columns['version'])),
  };
}

/**
 * A gap of the log as a row of `feed_gaps`. With what a backfill says of it, it is written whole as of that
 * later time.
 */
export function gapWrite({ gap, found }: WrongGap): RowChange {
  const order = Math.min(gap.droppedRecords, MAX_ORDER);
  const told = gap.backfill ?? found?.backfill;
  const columnsOf = (row: Gap | GapRow): Columns => ({
    ...gapColumns(row),
    ...(told === undefined ? {} : backfillColumns(row.backfill)),
  });
  return {
    ...gapKey(gap),
    found: found === null ? null : columnsOf(found),
    wanted: columnsOf(gap),
    timestamp:
      told === undefined ? BigInt(gap.toMs) * MICROSECONDS + BigInt(order) : BigInt(told.atMs) * MICROSECONDS,
  };
}

function backfillColumns(backfill: Gap['backfill']): Columns {
  return {
    backfill_state: backfill?.state ?? null,
    backfill_source: backfill?.source ?? null,
    backfilled_trades: backfill === undefined ? null : BigInt(backfill.trades),
    backfill_left: backfill === undefined ? null : JSON.stringify(backfill.left),
    backfill_note: backfill?.note ?? null,
    backfilled_at: backfill?.atMs ?? null,
  };
}

/** A row of `feed_gaps` that should not be there. */
export function gapRemoval(row: GapRow): RowChange {
  return { ...gapKey(row), found: gapColumns(row), wanted: null, timestamp: null };
}

function gapColumns({ toMs, droppedRecords }: Pick<GapRow, 'toMs' | 'droppedRecords'>): Columns {
  return { to_time: toMs, dropped_records: BigInt(droppedRecords) };
}

function gapKey({
  shard,
  fromMs,
  reason,
}: Pick<GapRow, 'shard' | 'fromMs' | 'reason'>): Pick<PlacedRow, 'table' | 'key'> {
  const day = dayOf(fromMs);
  return { table: 'feed_gaps', key: { feed: feedOf(shard), day, from_time: fromMs, shard, reason } };
}
