import type { PlacedRollup } from '../compare/wrongs.ts';
import type { Gap } from '../read/raw-batch.ts';
import type { GapRow, StoredRow, StoredTrade } from '../read/stored.ts';
import { candleColumns, type CandleLife, type CandleNumbers } from '../recompute/candle.ts';
import type { PlacedTrade } from '../recompute/expected-window.ts';
import type { Columns } from '../values/columns.ts';
import { doubleOf } from '../values/decimal.ts';
import { bucketDate, HOUR_MS, startOf } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';
import type { ViewRow } from './view-rows.ts';

/** Which row of a view, and what is in it. */
export type PlacedRow = Pick<ViewRow, 'table' | 'key' | 'columns'>;

/** A row of a view that is written as persist would write it, or removed. */
export type RowChange =
  | { readonly action: 'write'; readonly row: ViewRow }
  | { readonly action: 'remove'; readonly row: PlacedRow };

const MICROSECONDS = 1_000n;
/** Most that orders the reports of one gap within a microsecond's thousand. */
const MAX_ORDER = 999;

/** The candle of a window's row, with the timestamp of its version. */
export function candleWrite(
  shard: string,
  windowStartMs: number,
  row: StoredRow,
  life: CandleLife,
): RowChange {
  return {
    action: 'write',
    row: {
      ...candleRow(feedOf(shard), row.symbol, windowStartMs, candleColumns(numbersOf(row.columns), life)),
      timestamp: BigInt(windowStartMs) * MICROSECONDS + BigInt(life.version),
    },
  };
}

/** A row of `candles_5s`. */
export function candleRow(feed: string, symbol: string, startMs: number, columns: Columns): PlacedRow {
  return {
    table: 'candles_5s',
    key: { feed, symbol, day: bucketDate('day', startMs), start: startMs },
    columns,
  };
}

/** The numbers of a candle in a row of `windows`. */
export function numbersOf(columns: Columns): CandleNumbers {
  const integer = (name: string): bigint => BigInt(columns[name] ?? 0);
  return {
    openE8: integer('open_e8'),
    highE8: integer('high_e8'),
    lowE8: integer('low_e8'),
    closeE8: integer('close_e8'),
    volumeE8: integer('volume_e8'),
    notionalE16: integer('notional_e16'),
    priceSumE8: integer('price_sum_e8'),
    tradeCount: Number(columns['trade_count']),
  };
}

/** A trade of the log as a row of `trades`. */
export function tradeWrite(feed: string, trade: PlacedTrade): RowChange {
  const { symbol, eventTimeMs: timeMs, id, priceE8, sizeE8 } = trade;
  return {
    action: 'write',
    row: {
      ...tradeRow(feed, symbol, { timeMs, id, price: doubleOf(priceE8), size: doubleOf(sizeE8) }),
      timestamp: BigInt(timeMs) * MICROSECONDS,
    },
  };
}

/** A row of `trades`. */
export function tradeRow(feed: string, symbol: string, { timeMs, id, price, size }: StoredTrade): PlacedRow {
  return {
    table: 'trades',
    key: { feed, symbol, hour: startOf(timeMs, HOUR_MS), time: timeMs, id },
    columns: { price, size },
  };
}

/** What puts a longer candle right; null if it is not there and should not be. */
export function rollupChange({
  feed,
  symbol,
  startMs,
  table,
  columns,
  found,
}: PlacedRollup): RowChange | null {
  const place = {
    table: table.table,
    key: { feed, symbol, [table.bucket]: bucketDate(table.bucket, startMs), start: startMs },
  };
  if (columns !== null) {
    const timestamp = BigInt(startMs) * MICROSECONDS + BigInt(Number(columns['version']));
    return { action: 'write', row: { ...place, columns, timestamp } };
  }
  return found === null ? null : { action: 'remove', row: { ...place, columns: found } };
}

/** A gap of the log as a row of `feed_gaps`. */
export function gapWrite(gap: Gap): RowChange {
  const order = Math.min(gap.droppedRecords, MAX_ORDER);
  return {
    action: 'write',
    row: { ...gapRow(gap), timestamp: BigInt(gap.toMs) * MICROSECONDS + BigInt(order) },
  };
}

/** A row of `feed_gaps`. */
export function gapRow({ shard, fromMs, toMs, reason, droppedRecords }: GapRow): PlacedRow {
  return {
    table: 'feed_gaps',
    key: { feed: feedOf(shard), day: bucketDate('day', fromMs), from_time: fromMs, shard, reason },
    columns: { to_time: toMs, dropped_records: BigInt(droppedRecords) },
  };
}
