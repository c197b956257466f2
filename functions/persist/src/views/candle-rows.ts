import { meanPriceOf, notionalAsDouble, vwapOf } from '@kandle/market/candle/candle';
import type { CandleBatch, PublishedCandle } from '@kandle/market/candle/candle-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { checkedInt, dayOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/**
 * The rows of a candle batch, a partition per symbol: every version goes to `candles_5s`, where the newest
 * stays, and the versions of closed windows to `candle_revisions` too, where each stays.
 *
 * @throws {RangeError} If a number does not fit its column, or a volume is not above 0.
 */
export function candleRows(batch: CandleBatch): readonly PartitionRows[] {
  const feed = feedOfShard(batch.shard);
  return batch.candles.map((candle): PartitionRows => {
    const columns = candleColumns(feed, batch.windowStartMs, candle);
    const timestamp = writeTimestamp(batch.windowStartMs, candle.version);
    const row = { view: 'candles_5s', columns, timestamp } as const;
    return candle.state === 'provisional' ? [row] : [row, { view: 'candle_revisions', columns, timestamp }];
  });
}

function candleColumns(
  feed: string,
  windowStartMs: number,
  candle: PublishedCandle,
): RowOf<'candles_5s'>['columns'] {
  // A volume of 0 would make the average price no number, which a dashboard draws as nothing or as 0.
  if (candle.volumeE8 <= 0n) throw new RangeError('a volume is 0 or less');
  return {
    feed,
    symbol: candle.symbol,
    day: dayOf(windowStartMs),
    start: windowStartMs,
    version: checkedInt(candle.version),
    open: e8ToDouble(candle.openE8),
    high: e8ToDouble(candle.highE8),
    low: e8ToDouble(candle.lowE8),
    close: e8ToDouble(candle.closeE8),
    volume: e8ToDouble(candle.volumeE8),
    vwap: vwapOf(candle),
    mean_price: meanPriceOf(candle),
    trade_count: checkedInt(candle.tradeCount),
    state: candle.state,
    revision: checkedInt(candle.revision),
    // Empty, not null: a null would be a tombstone, and an unset value would leave another version's reason.
    reason: candle.reason ?? '',
    complete: candle.complete,
    notional: notionalAsDouble(candle),
    volume_e8: candle.volumeE8,
    notional_e16: candle.notionalE16,
    price_sum_e8: candle.priceSumE8,
  };
}
