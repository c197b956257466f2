import { parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { formatPoint, type Point } from '@kandle/market/sink/line-protocol';
import { pointsOfCandles, pointsOfIndicators, pointsOfTrades } from '@kandle/market/sink/points';
import { parseTradeBatch } from '@kandle/market/trade/trade-batch';
import { PoisonError } from '@kandle/runtime/errors';
import type { Counter } from '@kandle/runtime/metrics';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { LineWriter } from './writer.ts';

/** The event types of its topics: what makes no points is answered and left. */
export const SINK_INFLUX_TYPES = [
  EVENT_TYPES.trades,
  EVENT_TYPES.candles,
  EVENT_TYPES.indicators,
  EVENT_TYPES.signals,
  EVENT_TYPES.books,
  EVENT_TYPES.news,
  EVENT_TYPES.feedGap,
] as const;

/** What the function needs. */
export interface SinkInfluxDeps {
  readonly writer: LineWriter;
  /** Points of events that InfluxDB took as a whole, by measurement. */
  readonly points: Counter;
  /** Events of which InfluxDB refused some points or all, by measurement. */
  readonly refused: Counter;
}

/**
 * Builds the function that writes an event's points to InfluxDB. Resolves when InfluxDB has answered 204; the
 * same event again writes the same points.
 */
export function createSinkInflux(deps: SinkInfluxDeps): (event: ReceivedEvent) => Promise<void> {
  return async function sinkInflux(event) {
    const points = pointsOf(event);
    const [first] = points;
    if (first === undefined) return;
    const { measurement } = first;
    const lines = parseOrPoison(measurement, () => points.map(formatPoint));
    const refusals = await deps.writer.write(lines);
    const [reason] = refusals;
    // Also 0, for an increase is seen only of what was there before.
    deps.refused.add(reason === undefined ? 0 : 1, { measurement });
    if (reason !== undefined) {
      throw new PoisonError(`Cannot write all of ${points.length} ${measurement} to InfluxDB: ${reason}`);
    }
    deps.points.add(points.length, { measurement });
  };
}

/** @throws {PoisonError} If the data is malformed. */
function pointsOf({ type, attributes, data }: ReceivedEvent): readonly Point[] {
  switch (type) {
    case EVENT_TYPES.trades:
      return parseOrPoison('trade batch', () => pointsOfTrades(parseTradeBatch(attributes, data)));
    case EVENT_TYPES.candles:
      return parseOrPoison('candle batch', () => pointsOfCandles(parseCandleBatch(data)));
    case EVENT_TYPES.indicators:
      return parseOrPoison('indicator batch', () => pointsOfIndicators(parseIndicatorBatch(data)));
    default:
      return [];
  }
}
