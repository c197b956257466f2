import {
  DEFAULT_PERIODS,
  INDICATORS_START,
  type IndicatorKind,
  indicatorName,
  indicatorValues,
  pushWindow,
} from '@kandle/market/indicator/indicators';
import type { CandleRow, IndicatorRow } from '../api.ts';

/** A group of lines that is switched on and off together. */
export interface LineGroup {
  readonly id: 'sma' | 'ema' | 'bollinger' | 'rsi' | 'macd';
  readonly label: string;
  readonly kinds: readonly IndicatorKind[];
  /** Drawn over the candles, or in a pane of its own. */
  readonly place: 'over' | 'pane';
}

export const LINE_GROUPS: readonly LineGroup[] = [
  { id: 'sma', label: 'SMA', kinds: ['sma'], place: 'over' },
  { id: 'ema', label: 'EMA', kinds: ['ema'], place: 'over' },
  {
    id: 'bollinger',
    label: 'Bollinger',
    kinds: ['bollinger_upper', 'bollinger_middle', 'bollinger_lower'],
    place: 'over',
  },
  { id: 'rsi', label: 'RSI', kinds: ['rsi'], place: 'pane' },
  { id: 'macd', label: 'MACD', kinds: ['macd_histogram', 'macd', 'macd_signal'], place: 'pane' },
];

/** The name under which an indicator of the usual periods is stored: `sma20`. */
export function storedName(kind: IndicatorKind): string {
  return indicatorName(kind, DEFAULT_PERIODS);
}

/**
 * The lines of candles for which none are stored, by the code that makes the stored ones of 5-second candles.
 * The first candle that is loaded begins the series.
 *
 * @param candles Ascending.
 */
export function computeLines(
  candles: readonly CandleRow[],
): ReadonlyMap<IndicatorKind, readonly IndicatorRow[]> {
  const lines = new Map<IndicatorKind, IndicatorRow[]>();
  let state = INDICATORS_START;
  for (const { start, close, high, low, version } of candles) {
    if (close === null || high === null || low === null) continue;
    state = pushWindow(state, { close, high, low }, DEFAULT_PERIODS);
    for (const [kind, value] of Object.entries(indicatorValues(state, DEFAULT_PERIODS))) {
      const line = lines.get(kind as IndicatorKind) ?? [];
      line.push({ start, value, version });
      lines.set(kind as IndicatorKind, line);
    }
  }
  return lines;
}
