import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { latestMs, latestOfEach } from '@kandle/market/trade/latest';
import { LOOK } from '@kandle/market/trade/price-rank';
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
  const buckets = new Map<number, TradeRow[]>();
  for (const trade of batch.trades) {
    const { eventTimeMs } = trade;
    // A look at a market is no trade, and has no row among them.
    if (batch.sampled || trade.rank === LOOK) continue;
    const bucket = bucketOf('trades', eventTimeMs);
    let rows = buckets.get(bucket);
    if (rows === undefined) buckets.set(bucket, (rows = []));
    rows.push(tradeRow({ feed, shard: batch.shard, bucket }, trade, batch.backfilled));
  }
  return [...buckets.values(), latestOfEach(batch).map(({ trade }) => latestRow(feed, trade, batch))];
}

type TradeRow = RowOf<'trades'> | RowOf<'conditioned_trades'> | RowOf<'backfilled_trades'>;

function tradeRow(partition: PartitionKey, trade: Trade, backfilled: string | undefined): TradeRow {
  const { id, symbol, eventTimeMs, priceE8, sizeE8, conditions, rank = 0 } = trade;
  const columns = {
    ...partition,
    symbol,
    time: eventTimeMs,
    id,
    price: e8ToDouble(priceE8),
    size: e8ToDouble(sizeE8),
  };
  const timestamp = writeTimestamp(eventTimeMs);
  if (backfilled !== undefined) {
    const marks = { conditions: conditions ?? '', price_rank: rank, backfilled };
    return { view: 'backfilled_trades', columns: { ...columns, ...marks }, timestamp };
  }
  return conditions === undefined
    ? { view: 'trades', columns, timestamp }
    : { view: 'conditioned_trades', columns: { ...columns, conditions, price_rank: rank }, timestamp };
}

/**
 * The newest trade of a symbol is the last by event time, and within a millisecond by arrival. A symbol has one
 * shard, so that batches of one epoch arrive by their sequence. An epoch is when its writer started: one from
 * after the trade's millisecond is that of a later writer, which takes a feed's late or repeated trades.
 */
function latestTimestamp(trade: Trade, { epoch, sequence }: Pick<TradeBatch, 'epoch' | 'sequence'>): bigint {
  const order = (epoch > trade.eventTimeMs ? SEQUENCES : 0) + (sequence % SEQUENCES);
  return (BigInt(latestMs(trade)) << ORDER_BITS) | BigInt(order);
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
    timestamp: latestTimestamp(trade, batch),
  };
}
