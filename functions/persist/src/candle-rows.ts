import { meanPriceOf, vwapOf } from '@kandle/market/candle/candle';
import type { CandleBatch, PublishedCandle } from '@kandle/market/candle/candle-batch';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { feedOfShard } from '@kandle/market/event/shard';
import { dayOf, type PartitionRows, type ViewValue, writeTimestamp } from './view-rows.ts';

const MAX_INT = 2_147_483_647;

/**
 * The rows of a candle batch, a partition per symbol: every version goes to `candles_5s`, where the newest stays,
 * and the versions of closed windows to `candle_revisions` too, where each stays.
 *
 * @throws {RangeError} If a number does not fit its column, or a volume or price is not above 0.
 */
export function candleRows(batch: CandleBatch): readonly PartitionRows[] {
  const feed = feedOfShard(batch.shard);
  const day = dayOf(batch.windowStartMs);
  return batch.candles.map((candle): PartitionRows => {
    const values = candleValues(candle, [feed, candle.symbol, day, batch.windowStartMs]);
    const row = { view: 'candles_5s', values } as const;
    return candle.state === 'provisional' ? [row] : [row, { view: 'candle_revisions', values }];
  });
}

function candleValues(candle: PublishedCandle, key: readonly [string, string, string, number]): ViewValue[] {
  const { version, revision, tradeCount } = candle;
  if (Math.max(version, revision, tradeCount) > MAX_INT) throw new RangeError('a count is beyond 2^31');
  // A volume of 0 would make the average price no number, which a dashboard draws as nothing or as 0.
  if (candle.volumeE8 <= 0n || candle.lowE8 <= 0n) throw new RangeError('a volume or price is 0 or less');
  return [
    ...key,
    version,
    e8ToDouble(candle.openE8),
    e8ToDouble(candle.highE8),
    e8ToDouble(candle.lowE8),
    e8ToDouble(candle.closeE8),
    e8ToDouble(candle.volumeE8),
    vwapOf(candle),
    meanPriceOf(candle),
    tradeCount,
    candle.state,
    revision,
    // Empty, not null: a null would be a tombstone, and an unset value would leave another version's reason.
    candle.reason ?? '',
    candle.complete,
    Number(candle.notionalE16) / 1e16,
    writeTimestamp(key[3], version),
  ];
}
