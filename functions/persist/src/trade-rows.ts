import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { feedOfShard } from '@kandle/market/event/shard';
import type { Trade } from '@kandle/market/trade/trade';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import { type PartitionRows, type ViewRow, writeTimestamp } from './view-rows.ts';

const HOUR_MS = 3_600_000;

/** How many batches of a shard are told apart within one millisecond. */
const ORDERS_PER_MS = 1_000;

/**
 * The rows of a batch in `trades`, one partition per symbol and hour, and in `latest`, one partition for the feed.
 *
 * @throws {RangeError} If a trade's time is beyond the year 2255.
 */
export function tradeRows(batch: TradeBatch): readonly PartitionRows[] {
  if (batch.trades.length === 0) return [];
  const feed = feedOfShard(batch.shard);
  const hours = new Map<number, Map<string, ViewRow[]>>();
  const latest = new Map<string, Trade>();
  for (const trade of batch.trades) {
    const { symbol, eventTimeMs } = trade;
    const hourMs = eventTimeMs - (eventTimeMs % HOUR_MS);
    let bySymbol = hours.get(hourMs);
    if (bySymbol === undefined) hours.set(hourMs, (bySymbol = new Map()));
    let rows = bySymbol.get(symbol);
    if (rows === undefined) bySymbol.set(symbol, (rows = []));
    rows.push({
      view: 'trades',
      values: [
        feed,
        symbol,
        hourMs,
        eventTimeMs,
        trade.id,
        e8ToDouble(trade.priceE8),
        e8ToDouble(trade.sizeE8),
        writeTimestamp(eventTimeMs),
      ],
    });
    const before = latest.get(symbol);
    if (before === undefined || eventTimeMs >= before.eventTimeMs) latest.set(symbol, trade);
  }
  const partitions: PartitionRows[] = [];
  for (const bySymbol of hours.values()) partitions.push(...bySymbol.values());
  partitions.push([...latest.values()].map((trade) => latestRow(feed, trade, batch.sequence)));
  return partitions;
}

/**
 * A symbol has one shard, so that trades of one millisecond in two batches are ordered by the batches' sequence; its
 * last three digits tell apart all that can meet in one millisecond.
 */
function latestRow(feed: string, trade: Trade, sequence: number): ViewRow {
  const { symbol, eventTimeMs } = trade;
  return {
    view: 'latest',
    values: [
      feed,
      symbol,
      eventTimeMs,
      e8ToDouble(trade.priceE8),
      e8ToDouble(trade.sizeE8),
      writeTimestamp(eventTimeMs, sequence % ORDERS_PER_MS),
    ],
  };
}
