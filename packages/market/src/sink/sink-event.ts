import { type CandleBatch, parseCandleBatch } from '../candle/candle-batch.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { type IndicatorBatch, parseIndicatorBatch } from '../indicator/indicator-batch.ts';
import { parseTradeBatch, type TradeBatch } from '../trade/trade-batch.ts';

/** The event types of the topics that a sink reads; what it keeps nothing of is answered and left. */
export const SINK_TYPES = [
  EVENT_TYPES.trades,
  EVENT_TYPES.candles,
  EVENT_TYPES.indicators,
  EVENT_TYPES.signals,
  // None is left from 2026-12-21 on.
  EVENT_TYPES.books,
  EVENT_TYPES.news,
  EVENT_TYPES.feedGap,
] as const;

/** What a sink makes of a batch of each kind. */
export interface SinkContent<Content> {
  readonly trades: (batch: TradeBatch) => Content;
  readonly candles: (batch: CandleBatch) => Content;
  readonly indicators: (batch: IndicatorBatch) => Content;
}

/** An event of a sink's topics. */
export interface SinkEvent {
  readonly type: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly data: unknown;
}

/**
 * What a sink keeps of an event; null if it is of a kind that it keeps nothing of.
 *
 * @throws {z.ZodError} If the data is malformed; what the functions of `content` throw.
 */
export function readSinkEvent<Content>(
  { type, attributes, data }: SinkEvent,
  content: SinkContent<Content>,
): Content | null {
  switch (type) {
    case EVENT_TYPES.trades:
      return content.trades(parseTradeBatch(attributes, data));
    case EVENT_TYPES.candles:
      return content.candles(parseCandleBatch(data));
    case EVENT_TYPES.indicators:
      return content.indicators(parseIndicatorBatch(data));
    default:
      return null;
  }
}
