import { meanPriceOf, notionalAsDouble, vwapOf } from '@kandle/market/candle/candle';
import { type CandleBatch, isOfLooks, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { bucketOf } from '@kandle/market/view/buckets';
import {
  checkedInt,
  type PartitionKey,
  type PartitionRows,
  type RowOf,
  writeTimestamp,
} from './view-rows.ts';

/**
 * The rows of a candle batch, in one partition: every version goes to `candles_5s`, where the newest stays, and
 * the versions of closed windows to `candle_revisions` too, where each stays. Both views have the same key, so
 * that they are one mutation.
 *
 * @throws {RangeError} If a number does not fit its column, or a volume of trades is not above 0.
 */
export function candleRows(batch: CandleBatch): readonly PartitionRows[] {
  const { shard, windowStartMs, candles } = batch;
  if (candles.length === 0) return [];
  const partition = { feed: feedOfShard(shard), shard, bucket: bucketOf('candles_5s', windowStartMs) };
  const rows = candles.flatMap((candle): PartitionRows => {
    const columns = candleColumns(partition, windowStartMs, { ...candle, sampled: isOfLooks(batch, candle) });
    const timestamp = writeTimestamp(windowStartMs, candle.version);
    const row = { view: 'candles_5s', columns, timestamp } as const;
    return candle.state === 'provisional' ? [row] : [row, { view: 'candle_revisions', columns, timestamp }];
  });
  return [rows];
}

function candleColumns(
  partition: PartitionKey,
  windowStartMs: number,
  candle: PublishedCandle & { readonly sampled: boolean },
): RowOf<'candles_5s'>['columns'] {
  const { sampled } = candle;
  // Of trades a volume of 0 would make the average price no number; of looks it means that none is known.
  if (candle.volumeE8 < 0n || (candle.volumeE8 === 0n && !sampled))
    throw new RangeError('a volume is 0 or less');
  return {
    ...partition,
    symbol: candle.symbol,
    start: windowStartMs,
    version: checkedInt(candle.version),
    open: e8ToDouble(candle.openE8),
    high: e8ToDouble(candle.highE8),
    low: e8ToDouble(candle.lowE8),
    close: e8ToDouble(candle.closeE8),
    volume: e8ToDouble(candle.volumeE8),
    // Nobody knows at which prices the volume between two looks was traded. Grafana draws NULL as 0, NaN not.
    vwap: sampled ? Number.NaN : vwapOf(candle),
    mean_price: meanPriceOf(candle),
    trade_count: checkedInt(candle.tradeCount),
    state: candle.state,
    revision: checkedInt(candle.revision),
    // Empty, not null: a null would be a tombstone, and an unset value would leave another version's reason.
    reason: candle.reason ?? '',
    complete: candle.complete,
    sampled,
    price_rank: candle.rank ?? 0,
    notional: sampled ? Number.NaN : notionalAsDouble(candle),
    volume_e8: candle.volumeE8,
    notional_e16: candle.notionalE16,
    price_sum_e8: candle.priceSumE8,
  };
}
