import { feedOfShard } from '@kandle/market/event/shard';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { Trade } from '@kandle/market/trade/trade';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import { hourOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/** Bits of a write timestamp of `latest` that tell apart what can meet in one millisecond of event time. */
const ORDER_BITS = 21n;
/**
 * All but the first of them are the batch's sequence: at four batches a second they begin again after three
 * days.
 */
const SEQUENCES = 2 ** 20;

/**
 * The rows of a batch in `trades`, one partition per symbol and hour, and in `latest`, one partition for the
 * feed.
 *
 * @throws {RangeError} If a trade's time is beyond the year 2255.
 */
export function tradeRows(batch: TradeBatch): readonly PartitionRows[] {
  if (batch.trades.length === 0) return [];
  const feed = feedOfShard(batch.shard);
  const hours = new Map<number, Map<string, RowOf<'trades'>[]>>();
  const latest = new Map<string, Trade>();
  for (const trade of batch.trades) {
    const { symbol, eventTimeMs } = trade;
    const hour = hourOf(eventTimeMs);
    let bySymbol = hours.get(hour);
    if (bySymbol === undefined) hours.set(hour, (bySymbol = new Map()));
    let rows = bySymbol.get(symbol);
    if (rows === undefined) bySymbol.set(symbol, (rows = []));
    rows.push(tradeRow(feed, hour, trade));
    const before = latest.get(symbol);
    if (before === undefined || eventTimeMs >= before.eventTimeMs) latest.set(symbol, trade);
  }
  const partitions: PartitionRows[] = [];
  for (const bySymbol of hours.values()) partitions.push(...bySymbol.values());
  partitions.push([...latest.values()].map((trade) => latestRow(feed, trade, batch)));
  return partitions;
}

function tradeRow(feed: string, hour: number, trade: Trade): RowOf<'trades'> {
  const { id, symbol, eventTimeMs, priceE8, sizeE8 } = trade;
  return {
    view: 'trades',
    columns: {
      feed,
      symbol,
      hour,
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
    columns: { feed, symbol, time: eventTimeMs, price: e8ToDouble(priceE8), size: e8ToDouble(sizeE8) },
    timestamp: latestTimestamp(eventTimeMs, batch),
  };
}
