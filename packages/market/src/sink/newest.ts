import { type CandleBatch, isOfLooks, type PublishedCandle } from '../candle/candle-batch.ts';
import { meanPriceOf, vwapOf } from '../candle/candle.ts';
import { checkedFeedOf } from '../event/shard.ts';
import type { IndicatorBatch } from '../indicator/indicator-batch.ts';
import { formatE8 } from '../number/fixed-point.ts';
import { latestMs, latestOfEach } from '../trade/latest.ts';
import { LOOK } from '../trade/price-rank.ts';
import type { Trade } from '../trade/trade.ts';
import type { TradeBatch } from '../trade/trade-batch.ts';

/** Names and values as text. */
export type Fields = Readonly<Record<string, string>>;

/**
 * Whole numbers, the most significant first: of two versions of a thing the newer has the larger
 * ({@link compareOrders}).
 */
export type Order = readonly number[];

/** A version of what a symbol has one of: only the newest is kept. */
export interface Newest {
  readonly kind: 'price' | 'candle' | 'indicators';
  readonly symbol: string;
  readonly order: Order;
  readonly fields: Fields;
}

/** Something that was processed and does not change: every one is kept, once by its id. */
export interface ProcessedRecord {
  readonly id: string;
  readonly fields: Fields;
}

/** What an event says to a reader of newest values and of records. */
export interface NewestAndRecords {
  readonly feed: string;
  readonly stream: 'trades' | 'candles' | 'indicators';
  readonly newest: readonly Newest[];
  readonly records: readonly ProcessedRecord[];
}

/** Negative if `a` is older than `b`, 0 if they are the same version. Both have the same length. */
export function compareOrders(a: Order, b: Order): number {
  for (const [place, number] of a.entries()) {
    const difference = number - (b[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * The newest price of each symbol of a batch, and its trades as records. A look at a market is a price and no
 * trade. A price is ordered as `latest` is: by event time, then by arrival.
 *
 * @throws {RangeError} If the shard names no feed.
 */
export function newestOfTrades(batch: TradeBatch): NewestAndRecords {
  const { shard, epoch, sequence, sampled, trades } = batch;
  return {
    feed: checkedFeedOf(shard),
    stream: 'trades',
    newest: latestOfEach(batch).map(({ trade, index }) => ({
      kind: 'price',
      symbol: trade.symbol,
      // The time of a second-best price may be below 0; orders are not.
      order: [Math.max(0, latestMs(trade)), epoch, sequence, index],
      fields: tradeFields(shard, trade),
    })),
    records: trades
      .filter(({ rank }) => sampled !== true && rank !== LOOK)
      .map((trade) => ({ id: trade.id, fields: tradeFields(shard, trade) })),
  };
}

function tradeFields(shard: string, trade: Trade): Fields {
  const { id, symbol, eventTimeMs, priceE8, sizeE8, rank = 0, conditions = '' } = trade;
  return {
    symbol,
    time: String(eventTimeMs),
    id,
    price: formatE8(priceE8),
    size: formatE8(sizeE8),
    rank: String(rank),
    conditions,
    shard,
  };
}

/**
 * The newest candle of each symbol of a batch, by window and version; those of closed windows as records too.
 *
 * @throws {RangeError} If the shard names no feed.
 */
export function newestOfCandles(batch: CandleBatch): NewestAndRecords {
  const { shard, windowStartMs, candles } = batch;
  const versions = candles.map((candle) => ({ candle, fields: candleFields(batch, candle) }));
  return {
    feed: checkedFeedOf(shard),
    stream: 'candles',
    newest: versions.map(({ candle: { symbol, version }, fields }) => ({
      kind: 'candle',
      symbol,
      order: [windowStartMs, version],
      fields,
    })),
    records: versions
      .filter(({ candle }) => candle.state !== 'provisional')
      .map(({ candle: { symbol, version }, fields }) => ({
        id: `${windowStartMs}:${version}:${symbol}`,
        fields,
      })),
  };
}

function candleFields(batch: CandleBatch, candle: PublishedCandle): Fields {
  const isSampled = isOfLooks(batch, candle);
  const hasVwap = !isSampled && candle.volumeE8 > 0n;
  return {
    symbol: candle.symbol,
    start: String(batch.windowStartMs),
    version: String(candle.version),
    open: formatE8(candle.openE8),
    high: formatE8(candle.highE8),
    low: formatE8(candle.lowE8),
    close: formatE8(candle.closeE8),
    volume: formatE8(candle.volumeE8),
    // Nobody knows at which prices the volume between two looks was traded.
    vwap: hasVwap ? String(vwapOf(candle)) : '',
    mean_price: String(meanPriceOf(candle)),
    trade_count: String(candle.tradeCount),
    state: candle.state,
    revision: String(candle.revision),
    reason: candle.reason ?? '',
    complete: String(candle.complete),
    sampled: String(isSampled),
    shard: batch.shard,
  };
}

/**
 * The newest indicators of each symbol of a batch, by window and version, and the same as records. An indicator
 * that is not warm has no field.
 *
 * @throws {RangeError} If the shard names no feed.
 */
export function newestOfIndicators({ shard, windowStartMs, indicators }: IndicatorBatch): NewestAndRecords {
  const versions = indicators.map(({ symbol, version, close, values }) => ({
    symbol,
    version,
    fields: {
      symbol,
      start: String(windowStartMs),
      version: String(version),
      close: String(close),
      shard,
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)])),
    },
  }));
  return {
    feed: checkedFeedOf(shard),
    stream: 'indicators',
    newest: versions.map(({ symbol, version, fields }) => ({
      kind: 'indicators',
      symbol,
      order: [windowStartMs, version],
      fields,
    })),
    records: versions.map(({ symbol, version, fields }) => ({
      id: `${windowStartMs}:${version}:${symbol}`,
      fields,
    })),
  };
}
