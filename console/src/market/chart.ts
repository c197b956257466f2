import {
  CandlestickSeries,
  ColorType,
  createChart,
  createSeriesMarkers,
  CrosshairMode,
  HistogramSeries,
  type IChartApi,
  type ISeriesApi,
  LineSeries,
  LineStyle,
  type SeriesDataItemTypeMap,
  type SeriesMarker,
  type SeriesType,
  TickMarkType,
  type Time,
  type UTCTimestamp,
} from 'lightweight-charts';
import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import type { CandleRow, GapRow, IndicatorRow, SignalRow } from '../api.ts';
import type { TimeTexts } from '../format.ts';
import { type Colors, faded } from '../theme.ts';
import { bandsOf, createGapBands } from './gap-bands.ts';
import type { Interval } from './intervals.ts';
import { LINE_GROUPS, type LineGroup } from './lines.ts';
import type { DrawPlan } from './versioned-rows.ts';

/** Where something is drawn by plans. */
interface Layer<Row> {
  draw(plan: DrawPlan<Row>): void;
}

/** The chart of one series. */
export interface MarketChart {
  readonly candles: Layer<CandleRow>;
  lines(kind: IndicatorKind): Layer<IndicatorRow> | null;
  setMarks(candles: readonly CandleRow[], signals: readonly SignalRow[], gaps: readonly GapRow[]): void;
  /** Another symbol or interval: what comes is of another scale. */
  setScale(interval: Interval, digits: number): void;
  showGroup(id: LineGroup['id'], isShown: boolean): void;
  showVwap(isShown: boolean): void;
  paint(colors: Colors, texts: TimeTexts): void;
  fit(): void;
  /** Starts of the first and last candle in sight; null if there is none. */
  sight(): { readonly firstMs: number; readonly lastMs: number } | null;
  point(start: number, price: number): void;
  /** What is drawn, as the library holds it. */
  drawn(): readonly { readonly time: Time; readonly open?: number; readonly close?: number }[];
  onPick(pick: (start: number) => void): void;
  onPoint(point: (start: number | null) => void): void;
  onNearBeginning(near: () => void): void;
}

/** Places before the first candle in sight at which older ones are fetched. */
const NEAR_BEGINNING = 30;

const timeOf = (startMs: number): UTCTimestamp => (startMs / 1_000) as UTCTimestamp;
const startOf = (time: Time): number => (typeof time === 'number' ? time * 1_000 : 0);

/** Carries out a plan on a series. */
function drawOn<Type extends SeriesType, Row>(
  series: ISeriesApi<Type>,
  plan: DrawPlan<Row>,
  toPoint: (row: Row) => SeriesDataItemTypeMap[Type],
): void {
  if (plan.kind === 'update') series.update(toPoint(plan.row), plan.isOld);
  else if (plan.kind === 'all') series.setData(plan.rows.map(toPoint));
}

/** Draws candles, volume, VWAP and lines; conflation stays off, for it refuses to change old candles. */
export function createMarketChart(container: HTMLElement, colors: Colors, texts: TimeTexts): MarketChart {
  let look = colors;
  let times = texts;
  const chart: IChartApi = createChart(container, {
    autoSize: true,
    layout: { attributionLogo: false, fontFamily: 'inherit', fontSize: 11 },
    crosshair: { mode: CrosshairMode.Normal },
    timeScale: {
      timeVisible: true,
      secondsVisible: true,
      rightOffset: 4,
      barSpacing: 9,
      enableConflation: false,
      tickMarkFormatter: (time: Time, type: TickMarkType) => tickText(startOf(time), type),
    },
    localization: { timeFormatter: (time: Time) => times.full(startOf(time)) },
  });
  const volume = chart.addSeries(HistogramSeries, {
    priceScaleId: 'volume',
    priceFormat: { type: 'volume' },
    priceLineVisible: false,
    lastValueVisible: false,
  });
  volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
  const candles = chart.addSeries(CandlestickSeries, { borderVisible: true });
  candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
  const vwap = chart.addSeries(LineSeries, {
    lineWidth: 1,
    lineStyle: LineStyle.Dotted,
    priceLineVisible: false,
    lastValueVisible: false,
    crosshairMarkerVisible: false,
  });
  const lines = new Map<IndicatorKind, ISeriesApi<'Line'> | ISeriesApi<'Histogram'>>();
  const marks = createSeriesMarkers(candles, []);
  const bands = createGapBands(chart);
  candles.attachPrimitive(bands.primitive);
  let format = { precision: 2, minMove: 0.01 };
  let periodMs = 5_000;

  function tickText(timeMs: number, type: TickMarkType): string {
    if (type === TickMarkType.Year) return times.year(timeMs);
    if (type === TickMarkType.Month) return times.month(timeMs);
    if (type === TickMarkType.DayOfMonth) return times.day(timeMs);
    return type === TickMarkType.Time ? times.minute(timeMs) : times.clock(timeMs);
  }

  /** Provisional candles are hollow, incomplete ones have the colour of gaps. */
  function candlePoint(row: CandleRow): SeriesDataItemTypeMap['Candlestick'] {
    const { start, open, high, low, close, state, complete } = row;
    const time = timeOf(start);
    // Drawn rows have their numbers: `isDrawable` says so.
    const point = { time, open: open ?? 0, high: high ?? 0, low: low ?? 0, close: close ?? 0 };
    const color = point.close >= point.open ? look.up : look.down;
    if (state === 'provisional')
      return { ...point, color: look.panel, borderColor: color, wickColor: faded(color, 0.6) };
    if (complete === false) return { ...point, color, borderColor: look.accent, wickColor: look.accent };
    return { ...point, color, borderColor: color, wickColor: color };
  }

  function volumePoint({ start, open, close, volume: value, state }: CandleRow) {
    const color = (close ?? 0) >= (open ?? 0) ? look.up : look.down;
    return {
      time: timeOf(start),
      value: value ?? 0,
      color: faded(color, state === 'provisional' ? 0.18 : 0.38),
    };
  }

  function lineColor(kind: IndicatorKind): string {
    if (kind === 'sma' || kind === 'macd_signal') return look.sma;
    if (kind.startsWith('bollinger')) return look.band;
    return look.ema;
  }

  function addGroup({ kinds, place }: LineGroup): void {
    const pane = place === 'over' ? 0 : chart.panes().length;
    for (const kind of kinds) {
      const shared = { priceLineVisible: false, lastValueVisible: place === 'pane' } as const;
      const series =
        kind === 'macd_histogram'
          ? chart.addSeries(HistogramSeries, { ...shared, lastValueVisible: false }, pane)
          : chart.addSeries(
              LineSeries,
              {
                ...shared,
                lineWidth: kind === 'bollinger_middle' ? 1 : 2,
                lineStyle: kind === 'bollinger_middle' ? LineStyle.Dashed : LineStyle.Solid,
                color: lineColor(kind),
                crosshairMarkerVisible: false,
                lastValueVisible: place === 'pane',
              },
              pane,
            );
      series.applyOptions({
        priceFormat: { type: 'price', ...(kind === 'rsi' ? { precision: 1, minMove: 0.1 } : format) },
      });
      if (kind === 'rsi')
        for (const price of [30, 70])
          series.createPriceLine({
            price,
            color: faded(look.muted, 0.5),
            lineWidth: 1,
            lineStyle: LineStyle.Dashed,
            axisLabelVisible: false,
          });
      lines.set(kind, series);
    }
    if (place === 'pane') {
      chart.panes()[0]?.setStretchFactor(4);
      chart.panes().at(-1)?.setStretchFactor(1);
    }
  }

  function removeGroup({ kinds }: LineGroup): void {
    for (const kind of kinds) {
      const series = lines.get(kind);
      if (series !== undefined) chart.removeSeries(series);
      lines.delete(kind);
    }
  }

  function paint(nextColors: Colors, nextTexts: TimeTexts): void {
    look = nextColors;
    times = nextTexts;
    chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: look.panel },
        textColor: look.muted,
        panes: { separatorColor: look.line, separatorHoverColor: faded(look.accent, 0.3) },
      },
      grid: { vertLines: { color: faded(look.line, 0.5) }, horzLines: { color: faded(look.line, 0.5) } },
      rightPriceScale: { borderColor: look.line },
      timeScale: { borderColor: look.line },
    });
    // A hollow candle has no colour that its label could take.
    candles.applyOptions({ priceLineColor: look.accent });
    vwap.applyOptions({ color: look.vwap });
    for (const [kind, series] of lines)
      if (kind !== 'macd_histogram') series.applyOptions({ color: lineColor(kind) });
  }

  paint(colors, texts);
  return {
    candles: {
      draw(plan) {
        drawOn(candles, plan, candlePoint);
        drawOn(volume, plan, volumePoint);
        drawOn(vwap, plan, ({ start, vwap: value }) =>
          value === null ? { time: timeOf(start) } : { time: timeOf(start), value },
        );
      },
    },
    lines(kind) {
      const series = lines.get(kind);
      if (series === undefined) return null;
      return {
        draw: (plan) =>
          drawOn(series as ISeriesApi<'Line' | 'Histogram'>, plan, ({ start, value }) => ({
            time: timeOf(start),
            value,
            ...(kind === 'macd_histogram' ? { color: faded(value >= 0 ? look.up : look.down, 0.6) } : {}),
          })),
      };
    },
    setMarks(rows, signals, gaps) {
      const revised = rows
        .filter(({ revision }) => revision > 0)
        .map(
          ({ start, revision }): SeriesMarker<Time> => ({
            time: timeOf(start),
            position: 'aboveBar',
            shape: 'circle',
            size: 0.6,
            color: look.accent,
            text: `r${revision}`,
          }),
        );
      const found = signals.map(({ start, side, state }): SeriesMarker<Time> => {
        const isSell = side === 'sell';
        return {
          time: timeOf(start - (start % periodMs)),
          position: isSell ? 'aboveBar' : 'belowBar',
          shape: side === 'neutral' ? 'square' : isSell ? 'arrowDown' : 'arrowUp',
          size: side === 'neutral' ? 0.7 : 1,
          color:
            state === 'retracted' ? look.muted : side === 'neutral' ? look.sma : isSell ? look.down : look.up,
        };
      });
      marks.setMarkers([...revised, ...found].toSorted((a, b) => Number(a.time) - Number(b.time)));
      bands.set(
        bandsOf(
          gaps,
          rows.map(({ start }) => start),
          periodMs,
        ),
        look.accent,
      );
    },
    setScale(interval, digits) {
      periodMs = interval.periodMs;
      format = { precision: digits, minMove: 10 ** -digits };
      for (const series of [candles, vwap])
        series.applyOptions({ priceFormat: { type: 'price', ...format } });
      for (const [kind, series] of lines)
        if (kind !== 'rsi') series.applyOptions({ priceFormat: { type: 'price', ...format } });
      chart
        .timeScale()
        .applyOptions({ secondsVisible: periodMs < 60_000, timeVisible: periodMs < 86_400_000 });
    },
    showGroup(id, isShown) {
      const group = LINE_GROUPS.find((one) => one.id === id);
      if (group === undefined || group.kinds.some((kind) => lines.has(kind)) === isShown) return;
      if (isShown) addGroup(group);
      else removeGroup(group);
    },
    showVwap: (isShown) => vwap.applyOptions({ visible: isShown }),
    paint,
    fit: () => chart.timeScale().scrollToRealTime(),
    sight() {
      const range = chart.timeScale().getVisibleRange();
      return range === null ? null : { firstMs: startOf(range.from), lastMs: startOf(range.to) };
    },
    point: (start, price) => chart.setCrosshairPosition(price, timeOf(start), candles),
    drawn: () => candles.data(),
    onPick: (pick) =>
      chart.subscribeClick(({ time }) => {
        if (time !== undefined) pick(startOf(time));
      }),
    onPoint: (point) =>
      chart.subscribeCrosshairMove(({ time }) => point(time === undefined ? null : startOf(time))),
    onNearBeginning: (near) =>
      chart.timeScale().subscribeVisibleLogicalRangeChange((range) => {
        if (range !== null && range.from < NEAR_BEGINNING) near();
      }),
  };
}
