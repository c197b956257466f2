import { meanPriceOf, vwapOf } from '@kandle/market/candle/candle';
import { isOfLooks, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import { parseSignalBatch } from '@kandle/market/signal/signal-batch';
import type { Row } from '../csv.ts';

/** The kinds of event that a stream may carry. */
export const STREAM_KINDS = ['candles', 'indicators', 'signals'] as const;
export type StreamKind = (typeof STREAM_KINDS)[number];

/**
 * What a client hears of: rows of one kind and feed, with the same names and numbers as the lists of this
 * interface.
 */
export interface StreamEvent {
  readonly kind: StreamKind;
  readonly feed: string;
  readonly rows: readonly (Row & { readonly symbol: string })[];
}

/**
 * Reads a record of `market.candles.v1` or `market.signals.v1`; null if it is of another type.
 *
 * @throws {z.ZodError | RangeError | SyntaxError} If it cannot be read.
 */
export function readStreamEvent(type: string | undefined, value: Buffer | null): StreamEvent | null {
  const data: unknown = JSON.parse(value?.toString() ?? '');
  if (type === EVENT_TYPES.candles) return candlesOf(data);
  if (type === EVENT_TYPES.indicators) return indicatorsOf(data);
  return type === EVENT_TYPES.signals ? signalsOf(data) : null;
}

function candlesOf(data: unknown): StreamEvent {
  const batch = parseCandleBatch(data);
  const { shard, windowStartMs, candles } = batch;
  const rows = candles.map((candle) => ({
    symbol: candle.symbol,
    start: windowStartMs,
    open: e8ToDouble(candle.openE8),
    high: e8ToDouble(candle.highE8),
    low: e8ToDouble(candle.lowE8),
    close: e8ToDouble(candle.closeE8),
    volume: e8ToDouble(candle.volumeE8),
    vwap: isOfLooks(batch, candle) ? null : vwapOf(candle),
    mean_price: meanPriceOf(candle),
    trade_count: candle.tradeCount,
    state: candle.state,
    version: candle.version,
    revision: candle.revision,
    reason: candle.reason ?? '',
    complete: candle.complete,
    sampled: isOfLooks(batch, candle),
    price_rank: candle.rank ?? 0,
  }));
  return { kind: 'candles', feed: feedOfShard(shard), rows };
}

function indicatorsOf(data: unknown): StreamEvent {
  const { shard, windowStartMs, indicators } = parseIndicatorBatch(data);
  const rows = indicators.flatMap(({ symbol, version, values }) =>
    Object.entries(values).map(([name, value]) => ({ symbol, name, start: windowStartMs, value, version })),
  );
  return { kind: 'indicators', feed: feedOfShard(shard), rows };
}

function signalsOf(data: unknown): StreamEvent {
  const { shard, signals } = parseSignalBatch(data);
  const rows = signals.map((signal) => ({
    symbol: signal.symbol,
    start: signal.windowStartMs,
    rule: signal.rule,
    side: signal.side,
    strength: signal.strength,
    text: signal.text,
    state: signal.state,
    caused_at: signal.causedAtMs,
    version: signal.version,
  }));
  return { kind: 'signals', feed: feedOfShard(shard), rows };
}
