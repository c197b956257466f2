import { meanPriceOf, notionalAsDouble, vwapOf } from '@kandle/market/candle/candle';
import type { RollupLevel, ViewCandle } from '@kandle/market/candle/rollup';
import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { bucketOf } from '@kandle/market/view/buckets';
import { type PartitionRows, type ViewRow, writeTimestamp } from '../views/view-rows.ts';

/** The table of each level. */
export const ROLLUP_VIEWS = {
  '1m': 'candles_1m',
  '5m': 'candles_5m',
  '1h': 'candles_1h',
  '1d': 'candles_1d',
} as const satisfies Record<RollupLevel['name'], string>;

/**
 * The rows of the candles of one period, by symbol: one partition. A row's write timestamp grows with the sum
 * of its parts' versions, so that of several processes that roll up the same period the one that saw the newest
 * parts wins, in any order.
 */
export function rollupRows(
  level: RollupLevel['name'],
  shard: string,
  candles: ReadonlyMap<string, ViewCandle>,
): PartitionRows {
  return Array.from(candles, ([symbol, candle]) => rollupRow(level, shard, symbol, candle));
}

function rollupRow(level: RollupLevel['name'], shard: string, symbol: string, candle: ViewCandle): ViewRow {
  const { startMs, version } = candle;
  const view = ROLLUP_VIEWS[level];
  return {
    view,
    columns: {
      feed: feedOfShard(shard),
      shard,
      bucket: bucketOf(view, startMs),
      symbol,
      start: startMs,
      version,
      open: candle.open,
      high: candle.high,
      low: candle.low,
      close: candle.close,
      volume: e8ToDouble(candle.volumeE8),
      vwap: candle.sampled ? Number.NaN : vwapOf(candle),
      mean_price: meanPriceOf(candle),
      trade_count: candle.tradeCount,
      state: candle.revision > 0 ? 'revised' : 'final',
      revision: candle.revision,
      reason: candle.reason,
      complete: candle.complete,
      sampled: candle.sampled,
      price_rank: candle.rank,
      notional: candle.sampled ? Number.NaN : notionalAsDouble(candle),
      volume_e8: candle.volumeE8,
      notional_e16: candle.notionalE16,
      price_sum_e8: candle.priceSumE8,
      parts: candle.parts,
    },
    timestamp: writeTimestamp(startMs, version),
  };
}
