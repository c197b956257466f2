import { type CandleBatch, isOfLooks, type PublishedCandle } from '../candle/candle-batch.ts';
import { meanPriceOf, vwapOf } from '../candle/candle.ts';
import { checkedFeedOf } from '../event/shard.ts';
import type { IndicatorBatch } from '../indicator/indicator-batch.ts';
import { e8ToDouble } from '../number/fixed-point.ts';
import { LOOK } from '../trade/price-rank.ts';
import type { TradeBatch } from '../trade/trade-batch.ts';
import type { FieldValue, Point } from './line-protocol.ts';

const NS_PER_MS = 1_000_000;
/** Places in a batch that are told apart within a millisecond: as many as a batch can have. */
const PLACES = 10_000;
/** Batches that are told apart within it. */
const SEQUENCES = NS_PER_MS / PLACES;

/**
 * The points of a batch's trades, one each. InfluxDB takes two points of one series and time for one, and many
 * trades of a symbol share their millisecond: where a trade stands among the batches and in its own are its
 * nanoseconds, so that it has the same time however often it comes, and no other has.
 *
 * @throws {RangeError} If the shard names no feed.
 */
export function pointsOfTrades({ shard, sequence, sampled, trades }: TradeBatch): readonly Point[] {
  const feed = checkedFeedOf(shard);
  // A look at a market is no trade.
  if (sampled === true) return [];
  return trades.flatMap(({ id, symbol, eventTimeMs, priceE8, sizeE8, rank = 0, conditions = '' }, index) => {
    if (rank === LOOK) return [];
    return {
      measurement: 'trades',
      tags: { feed, symbol },
      fields: {
        price: e8ToDouble(priceE8),
        size: e8ToDouble(sizeE8),
        id,
        rank: BigInt(rank),
        conditions,
      },
      timeNs: timeNs(eventTimeMs, (sequence % SEQUENCES) * PLACES + (index % PLACES)),
    };
  });
}

/**
 * The points of a batch's candles of closed windows. A version is a point of its own, at as many nanoseconds
 * after the window's start: none overwrites another, so that the order in which they come does not matter, and
 * the last point of a window is its newest version.
 *
 * @throws {RangeError} If the shard names no feed, or a version is as large as its window is long.
 */
export function pointsOfCandles(batch: CandleBatch): readonly Point[] {
  const feed = checkedFeedOf(batch.shard);
  return batch.candles.flatMap((candle) => {
    if (candle.state === 'provisional') return [];
    return {
      measurement: 'candles',
      tags: { feed, symbol: candle.symbol },
      fields: candleFields(batch, candle),
      timeNs: versionNs(batch.windowStartMs, candle.version, batch.windowMs),
    };
  });
}

function candleFields(batch: CandleBatch, candle: PublishedCandle): Readonly<Record<string, FieldValue>> {
  const isSampled = isOfLooks(batch, candle);
  const hasVwap = !isSampled && candle.volumeE8 > 0n;
  return {
    version: BigInt(candle.version),
    open: e8ToDouble(candle.openE8),
    high: e8ToDouble(candle.highE8),
    low: e8ToDouble(candle.lowE8),
    close: e8ToDouble(candle.closeE8),
    volume: e8ToDouble(candle.volumeE8),
    // Line protocol has no number for what is not known.
    ...(hasVwap ? { vwap: vwapOf(candle) } : {}),
    mean_price: meanPriceOf(candle),
    trade_count: BigInt(candle.tradeCount),
    state: candle.state,
    revision: BigInt(candle.revision),
    reason: candle.reason ?? '',
    complete: candle.complete,
    sampled: isSampled,
  };
}

/** The shortest window that there is: indicators do not say how long theirs is. */
const MIN_WINDOW_MS = 1_000;

/**
 * The points of a batch's indicators, one for each version, as of candles. One that is not warm has no field;
 * `names` says which a version has.
 *
 * @throws {RangeError} If the shard names no feed, or a version is above a thousand million.
 */
export function pointsOfIndicators({ shard, windowStartMs, indicators }: IndicatorBatch): readonly Point[] {
  const feed = checkedFeedOf(shard);
  return indicators.map(({ symbol, version, close, values }) => ({
    measurement: 'indicators',
    tags: { feed, symbol },
    fields: { version: BigInt(version), close, ...values, names: Object.keys(values).join(' ') },
    timeNs: versionNs(windowStartMs, version, MIN_WINDOW_MS),
  }));
}

function versionNs(windowStartMs: number, version: number, windowMs: number): bigint {
  if (version >= windowMs * NS_PER_MS) throw new RangeError('a version reaches into the next window');
  return timeNs(windowStartMs, version);
}

function timeNs(timeMs: number, ns: number): bigint {
  return BigInt(timeMs) * BigInt(NS_PER_MS) + BigInt(ns);
}
