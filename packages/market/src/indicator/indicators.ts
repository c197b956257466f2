import { z } from 'zod';
import {
  EMA_START,
  type EmaState,
  emaOf,
  pushEma,
  pushRing,
  pushWilder,
  type Ring,
  smaOf,
} from './moving-average.ts';

/** Over how many windows each indicator looks; `bollingerWidth` is in standard deviations. */
export interface IndicatorPeriods {
  readonly sma: number;
  readonly ema: number;
  readonly rsi: number;
  readonly macdFast: number;
  readonly macdSlow: number;
  readonly macdSignal: number;
  readonly bollinger: number;
  readonly bollingerWidth: number;
  readonly atr: number;
}

/** The usual periods. */
export const DEFAULT_PERIODS: IndicatorPeriods = {
  sma: 20,
  ema: 20,
  rsi: 14,
  macdFast: 12,
  macdSlow: 26,
  macdSignal: 9,
  bollinger: 20,
  bollingerWidth: 2,
  atr: 14,
};

/** The prices of a window that indicators are computed from, as doubles. */
export interface WindowPrices {
  readonly close: number;
  readonly high: number;
  readonly low: number;
}

/**
 * What the indicators need to know of a series so far, as plain JSON; its size does not grow with the series.
 *
 * `seen` counts the windows, up to the longest wait of any indicator; `closes` holds the last closes, oldest
 * first.
 */
export interface IndicatorState {
  readonly seen: number;
  readonly closes: Ring;
  readonly ema: EmaState;
  readonly gain: EmaState;
  readonly loss: EmaState;
  readonly macdFast: EmaState;
  readonly macdSlow: EmaState;
  readonly macdSignal: EmaState;
  readonly range: EmaState;
}

const EmaStateSchema = z.object({ seen: z.int(), value: z.number() });

/** What the indicators need to know of a series so far, as JSON. */
export const IndicatorStateSchema: z.ZodType<IndicatorState> = z.object({
  seen: z.int(),
  closes: z.array(z.number()),
  ema: EmaStateSchema,
  gain: EmaStateSchema,
  loss: EmaStateSchema,
  macdFast: EmaStateSchema,
  macdSlow: EmaStateSchema,
  macdSignal: EmaStateSchema,
  range: EmaStateSchema,
});

/** The state before the first window. */
export const INDICATORS_START: IndicatorState = {
  seen: 0,
  closes: [],
  ema: EMA_START,
  gain: EMA_START,
  loss: EMA_START,
  macdFast: EMA_START,
  macdSlow: EMA_START,
  macdSignal: EMA_START,
  range: EMA_START,
};

/** The indicators by the name that views and events give them, without their periods. */
export const INDICATOR_KINDS = [
  'sma',
  'ema',
  'rsi',
  'macd',
  'macd_signal',
  'macd_histogram',
  'bollinger_upper',
  'bollinger_middle',
  'bollinger_lower',
  'atr',
] as const;

/** An indicator without its period. */
export type IndicatorKind = (typeof INDICATOR_KINDS)[number];

/** The indicators that are warm; one that still waits for its first value is absent. */
export type IndicatorValues = Readonly<Partial<Record<IndicatorKind, number>>>;

/**
 * The series with one window more.
 *
 * Pure and incremental: the same windows in the same order give the same bits, from wherever it is continued.
 */
export function pushWindow(
  state: IndicatorState,
  prices: WindowPrices,
  periods: IndicatorPeriods,
): IndicatorState {
  const { close } = prices;
  const before = state.closes.at(-1);
  const closes = pushRing(state.closes, close, Math.max(periods.sma, periods.bollinger));
  // TA-Lib lets the fast average of MACD wait, so that both have their first value in the same window.
  const isFastDue = state.seen >= periods.macdSlow - periods.macdFast;
  const macdFast = isFastDue ? pushEma(state.macdFast, close, periods.macdFast) : state.macdFast;
  const macdSlow = pushEma(state.macdSlow, close, periods.macdSlow);
  const macd = macdOf(macdFast, macdSlow, periods);
  const isFirst = before === undefined;
  return {
    seen: Math.min(state.seen + 1, periods.macdSlow),
    closes,
    ema: pushEma(state.ema, close, periods.ema),
    gain: isFirst ? state.gain : pushWilder(state.gain, Math.max(0, close - before), periods.rsi),
    loss: isFirst ? state.loss : pushWilder(state.loss, Math.max(0, before - close), periods.rsi),
    macdFast,
    macdSlow,
    macdSignal: macd === null ? state.macdSignal : pushEma(state.macdSignal, macd, periods.macdSignal),
    range: isFirst ? state.range : pushWilder(state.range, trueRange(prices, before), periods.atr),
  };
}

/** The indicators of a series, conventions as TA-Lib; the RSI of a series that never moved is 50. */
export function indicatorValues(state: IndicatorState, periods: IndicatorPeriods): IndicatorValues {
  const values: Partial<Record<IndicatorKind, number>> = {};
  function set(kind: IndicatorKind, value: number | null): void {
    if (value !== null) values[kind] = value;
  }
  set('sma', smaOf(state.closes, periods.sma));
  set('ema', emaOf(state.ema, periods.ema));
  set('rsi', rsiOf(state, periods.rsi));
  const macd = macdOf(state.macdFast, state.macdSlow, periods);
  const signal = emaOf(state.macdSignal, periods.macdSignal);
  // All three from the same window on, as TA-Lib has it.
  if (macd !== null && signal !== null) {
    set('macd', macd);
    set('macd_signal', signal);
    set('macd_histogram', macd - signal);
  }
  const middle = smaOf(state.closes, periods.bollinger);
  if (middle !== null) {
    const width = periods.bollingerWidth * deviationOf(state.closes, periods.bollinger, middle);
    set('bollinger_upper', middle + width);
    set('bollinger_middle', middle);
    set('bollinger_lower', middle - width);
  }
  set('atr', emaOf(state.range, periods.atr));
  return values;
}

/**
 * An indicator's full name, such as `sma20` or `rsi14`; MACD and Bollinger bands have none of their periods in
 * it.
 */
export function indicatorName(kind: IndicatorKind, periods: IndicatorPeriods): string {
  return kind === 'sma' || kind === 'ema' || kind === 'rsi' || kind === 'atr'
    ? `${kind}${periods[kind]}`
    : kind;
}

/** The kind of an indicator by its full name, `sma` of `sma20`; null if there is no such kind. */
export function indicatorKindOf(name: string): IndicatorKind | null {
  const kind = name.replace(/\d+$/, '');
  return INDICATOR_KINDS.find((one) => one === kind) ?? null;
}

function rsiOf({ gain, loss }: IndicatorState, period: number): number | null {
  if (gain.seen < period) return null;
  const sum = gain.value + loss.value;
  // No movement is neutral; TA-Lib says 0 here, and TradingView 100.
  return sum === 0 ? 50 : 100 * (gain.value / sum);
}

function macdOf(fast: EmaState, slow: EmaState, periods: IndicatorPeriods): number | null {
  const fastValue = emaOf(fast, periods.macdFast);
  const slowValue = emaOf(slow, periods.macdSlow);
  return fastValue === null || slowValue === null ? null : fastValue - slowValue;
}

/** Standard deviation of the last `period` values around their mean, of the population, in two passes. */
function deviationOf(ring: Ring, period: number, mean: number): number {
  const squares = ring.slice(-period).map((value) => (value - mean) ** 2);
  return Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / period);
}

function trueRange({ high, low }: WindowPrices, before: number): number {
  return Math.max(high, before) - Math.min(low, before);
}
