import type { WindowKey } from '@kandle/market/window/window';
import { formatIndicatorBatch, type SymbolIndicators } from '@kandle/market/indicator/indicator-batch';
import {
  INDICATOR_KINDS,
  indicatorName,
  type IndicatorPeriods,
  indicatorValues,
} from '@kandle/market/indicator/indicators';
import { formatSignalBatch } from '@kandle/market/signal/signal-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { StateRow, StateWindow } from '@kandle/market/signal/series-state';

/** Publishes what is stored of a window. */
export interface SignalPublisher {
  /**
   * Publishes the indicators of some symbols and all signals of a window; resolves when Kafka has acknowledged
   * them. The same window again makes the same events.
   */
  publish(
    key: WindowKey,
    window: StateWindow,
    symbols: ReadonlySet<string>,
    traceparent?: string,
  ): Promise<void>;
}

/** A publisher over a producer of events. */
export function createSignalPublisher(
  producer: EventProducer,
  topic: string,
  periods: IndicatorPeriods,
): SignalPublisher {
  return {
    async publish(key, window, symbols, traceparent) {
      const indicators = [...symbols].flatMap((symbol) => {
        const row = window.rows.get(symbol);
        return row === undefined ? [] : (toIndicators(symbol, row, periods) ?? []);
      });
      const signals = [...window.rows.values()].flatMap((row) => row.signals);
      await producer.send(topic, [
        ...formatIndicatorBatch({ ...key, indicators }, traceparent),
        ...formatSignalBatch({ ...key, version: window.version, signals }, traceparent),
      ]);
    },
  };
}

/** What is published of a row; null for one that holds no trade. */
function toIndicators(symbol: string, row: StateRow, periods: IndicatorPeriods): SymbolIndicators | null {
  if (row.candle === null) return null;
  const values = indicatorValues(row.state.indicators, periods);
  return {
    symbol,
    version: row.version,
    candleVersion: row.candle.version,
    repeated: row.repeated,
    restarted: row.restarted,
    close: row.candle.close,
    values: Object.fromEntries(
      INDICATOR_KINDS.flatMap((kind) => {
        const value = values[kind];
        return value === undefined ? [] : [[indicatorName(kind, periods), value]];
      }),
    ),
  };
}
