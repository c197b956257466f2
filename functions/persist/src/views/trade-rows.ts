import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { Trade } from '@kandle/market/trade/trade';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import { bucketOf } from '@kandle/market/view/buckets';
import { type PartitionKey, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/** Bits of a write timestamp of `latest` that tell apart what can meet in one millisecond of event time. */
const ORDER_BITS = 21n;
/**
 * All but the first of them are the batch's sequence: at four batches a second they begin again after three
 * days.
 */
const SEQUENCES = 2 ** 20;

/**
 * The rows of a batch in `trades`, in one partition unless its time goes over a bucket's end, and in `latest`,
 * in one for the feed.
 *
 * @throws {RangeError} If a trade's time is beyond the year 2255.
 */
export function tradeRows(batch: TradeBatch): readonly PartitionRows[] {
  if (batch.trades.length === 0) return [];
  const feed = feedOfShard(batch.shard);
  const buckets = new Map<number, RowOf<'trades'>[]>();
  const latest = new Map<string, Trade>();
  for (const trade of batch.trades) {
    const { symbol, eventTimeMs } = trade;
    const before = latest.get(symbol);
    if (before === undefined || eventTimeMs >= before.eventTimeMs) latest.set(symbol, trade);
    // A look at a market is no trade, and has no row among them.
    if (batch.sampled) continue;
    const bucket = bucketOf('trades', eventTimeMs);
    let rows = buckets.get(bucket);
    if (rows === undefined) buckets.set(bucket, (rows = []));
    rows.push(tradeRow({ feed, shard: batch.shard, bucket }, trade));
  }
  return [...buckets.values(), [...latest.values()].map((trade) => latestRow(feed, trade, batch))];
}

function tradeRow(partition: PartitionKey, trade: Trade): RowOf<'trades'> {
  const { id, symbol, eventTimeMs, priceE8, sizeE8 } = trade;
  return {
    view: 'trades',
    columns: {
      ...partition,
      symbol,
      time: eventTimeMs,
      id,
      price: e8ToDouble(priceE8),
      size: e8ToDouble(sizeE8),
    },
    timestamp: writeTimestamp(eventTimeMs),
  };
}

/**
 * The newest trade of a symbol is the last by event time, and within a millisecond by arrival. A symbol has one
 * shard, so that batches of one epoch arrive by their sequence. An epoch is when its writer started: one from
 * after the trade's millisecond is that of a later writer, which takes a feed's late or repeated trades.
 */
function latestTimestamp(
  eventTimeMs: number,
  { epoch, sequence }: Pick<TradeBatch, 'epoch' | 'sequence'>,
): bigint {
  const order = (epoch > eventTimeMs ? SEQUENCES : 0) + (sequence % SEQUENCES);
  return (BigInt(eventTimeMs) << ORDER_BITS) | BigInt(order);
}

function latestRow(feed: string, trade: Trade, batch: TradeBatch): RowOf<'latest'> {
  const { symbol, eventTimeMs, priceE8, sizeE8 } = trade;
  return {
    view: 'latest',
    columns: {
      feed,
      symbol,
      shard: batch.shard,
      time: eventTimeMs,
      price: e8ToDouble(priceE8),
      size: e8ToDouble(sizeE8),
    },
    timestamp: latestTimestamp(eventTimeMs, batch),
  };
}
