import type {
  CandlestickData,
  HistogramData,
  LineData,
  SeriesMarker,
  Time,
  UTCTimestamp,
  WhitespaceData,
} from 'lightweight-charts';
import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import type { CandleRow, IndicatorRow, SignalRow } from '../api.ts';
import { type Colors, faded } from '../theme.ts';

/** The reason of a candle's version that came of trades which were fetched afterwards. */
export const BACKFILLED = 'backfilled';

/** A time as the chart wants it, seconds. */
export function timeOf(startMs: number): UTCTimestamp {
  return (startMs / 1_000) as UTCTimestamp;
}

/** The start that a time of the chart stands for, epoch milliseconds. */
export function startOf(time: Time): number {
  return typeof time === 'number' ? time * 1_000 : 0;
}

/**
 * A candle as it is drawn: provisional ones are hollow, incomplete ones have the colour of gaps.
 *
 * @param row With its prices: others are not drawn.
 */
export function candlePoint(row: CandleRow, look: Colors): CandlestickData {
  const { start, open, high, low, close, state, complete } = row;
  const time = timeOf(start);
  const point = { time, open: open ?? 0, high: high ?? 0, low: low ?? 0, close: close ?? 0 };
  const color = point.close >= point.open ? look.up : look.down;
  if (state === 'provisional')
    return { ...point, color: look.panel, borderColor: color, wickColor: faded(color, 0.6) };
  if (complete === false) return { ...point, color, borderColor: look.accent, wickColor: look.accent };
  return { ...point, color, borderColor: color, wickColor: color };
}

/** The volume of a candle, in its colour. */
export function volumePoint({ start, open, close, volume, state }: CandleRow, look: Colors): HistogramData {
  const color = (close ?? 0) >= (open ?? 0) ? look.up : look.down;
  return {
    time: timeOf(start),
    value: volume ?? 0,
    color: faded(color, state === 'provisional' ? 0.18 : 0.38),
  };
}

/** The VWAP of a candle; a break of the line where there is none. */
export function vwapPoint({ start, vwap }: CandleRow): LineData | WhitespaceData {
  return vwap === null ? { time: timeOf(start) } : { time: timeOf(start), value: vwap };
}

/** A value of a line. */
export function linePoint(
  { start, value }: IndicatorRow,
  kind: IndicatorKind,
  look: Colors,
): LineData | HistogramData {
  const point = { time: timeOf(start), value };
  if (kind !== 'macd_histogram') return point;
  return { ...point, color: faded(value >= 0 ? look.up : look.down, 0.6) };
}

/** The colour of a line. */
export function lineColor(kind: IndicatorKind, look: Colors): string {
  if (kind === 'sma' || kind === 'macd_signal') return look.sma;
  if (kind.startsWith('bollinger')) return look.band;
  return look.ema;
}

/** Marks of candles that were revised or backfilled, and of signals, ascending. */
export function marksOf(
  rows: readonly CandleRow[],
  signals: readonly SignalRow[],
  periodMs: number,
  look: Colors,
): readonly SeriesMarker<Time>[] {
  const marks: SeriesMarker<Time>[] = [];
  for (const { start, revision, reason } of rows)
    if (revision > 0 || reason === BACKFILLED)
      marks.push({
        time: timeOf(start),
        position: 'aboveBar',
        shape: 'circle',
        size: 0.6,
        color: look.accent,
        text: `${reason === BACKFILLED ? 'b' : 'r'}${revision > 0 ? revision : ''}`,
      });
  for (const signal of signals) marks.push(signalMark(signal, periodMs, look));
  return marks.toSorted((a, b) => Number(a.time) - Number(b.time));
}

function signalMark({ start, side, state }: SignalRow, periodMs: number, look: Colors): SeriesMarker<Time> {
  const isSell = side === 'sell';
  const ofSide = side === 'neutral' ? look.sma : isSell ? look.down : look.up;
  return {
    time: timeOf(start - (start % periodMs)),
    position: isSell ? 'aboveBar' : 'belowBar',
    shape: side === 'neutral' ? 'square' : isSell ? 'arrowDown' : 'arrowUp',
    size: side === 'neutral' ? 0.7 : 1,
    color: state === 'retracted' ? look.muted : ofSide,
  };
}
