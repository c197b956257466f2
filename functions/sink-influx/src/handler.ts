import { formatPoint } from '@kandle/market/sink/line-protocol';
import { pointsOfCandles, pointsOfIndicators, pointsOfTrades } from '@kandle/market/sink/points';
import { readSinkEvent } from '@kandle/market/sink/sink-event';
import { PoisonError } from '@kandle/runtime/errors';
import type { Counter } from '@kandle/runtime/metrics';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { LineWriter } from './writer.ts';

const POINTS = { trades: pointsOfTrades, candles: pointsOfCandles, indicators: pointsOfIndicators };

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
    const points = parseOrPoison(event.type, () => readSinkEvent(event, POINTS)) ?? [];
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
