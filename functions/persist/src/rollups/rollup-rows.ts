import { meanPriceOf, notionalAsDouble, vwapOf } from '@kandle/market/candle/candle';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { RollupLevel, ViewCandle } from '@kandle/market/candle/rollup';
import { dayOf, type PartitionRows, type ViewName, writeTimestamp } from '../views/view-rows.ts';

/** A level's table, and how long a partition of it is. */
const TABLES = {
  '1m': { view: 'candles_1m', bucketOf: dayOf },
  '5m': { view: 'candles_5m', bucketOf: dayOf },
  '1h': { view: 'candles_1h', bucketOf: (timeMs: number) => `${dayOf(timeMs).slice(0, 7)}-01` },
  '1d': { view: 'candles_1d', bucketOf: (timeMs: number) => `${dayOf(timeMs).slice(0, 4)}-01-01` },
} as const satisfies Record<
  RollupLevel['name'],
  { readonly view: ViewName; readonly bucketOf: (timeMs: number) => string }
>;

/** The partition of a level's table that holds a period: the date at which it begins. */
export function bucketOf(level: RollupLevel['name'], startMs: number): string {
  return TABLES[level].bucketOf(startMs);
}

/**
 * The row of a rolled-up candle. Its write timestamp grows with the sum of its parts' versions, so that of
 * several processes that roll up the same period the one that saw the newest parts wins, in any order.
 */
export function rollupRow(
  level: RollupLevel['name'],
  { feed, symbol }: { readonly feed: string; readonly symbol: string },
  candle: ViewCandle,
): PartitionRows {
  const { startMs, version } = candle;
  const { view } = TABLES[level];
  const timestamp = writeTimestamp(startMs, version);
  const columns = {
    feed,
    symbol,
    start: startMs,
    version,
    open: candle.open,
    high: candle.high,
    low: candle.low,
    close: candle.close,
    volume: e8ToDouble(candle.volumeE8),
    vwap: vwapOf(candle),
    mean_price: meanPriceOf(candle),
    trade_count: candle.tradeCount,
    state: candle.revision > 0 ? 'revised' : 'final',
    revision: candle.revision,
    reason: candle.reason,
    complete: candle.complete,
    notional: notionalAsDouble(candle),
    volume_e8: candle.volumeE8,
    notional_e16: candle.notionalE16,
    price_sum_e8: candle.priceSumE8,
    parts: candle.parts,
  } as const;
  const bucket = bucketOf(level, startMs);
  switch (view) {
    case 'candles_1h':
      return [{ view, columns: { ...columns, month: bucket }, timestamp }];
    case 'candles_1d':
      return [{ view, columns: { ...columns, year: bucket }, timestamp }];
    default:
      return [{ view, columns: { ...columns, day: bucket }, timestamp }];
  }
}
