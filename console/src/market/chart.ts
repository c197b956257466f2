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
  type PriceFormat,
  type SeriesDataItemTypeMap,
  type SeriesType,
  TickMarkType,
  type Time,
} from 'lightweight-charts';
import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import type { CandleRow, GapRow, IndicatorRow, SignalRow } from '../api.ts';
import { formatPrice, type TimeTexts } from '../format.ts';
import { type Colors, faded } from '../theme.ts';
import {
  candlePoint,
  linePoint,
  lineColor,
  marksOf,
  startOf,
  timeOf,
  volumePoint,
  vwapPoint,
} from './chart-points.ts';
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
  /** Start of the first candle in sight; null if there is none. */
  firstInSight(): number | null;
  point(start: number, price: number): void;
  /** What is drawn, as the library holds it. */
  drawn(): readonly { readonly time: Time; readonly open?: number; readonly close?: number }[];
  onPick(pick: (start: number) => void): void;
  onPoint(point: (start: number | null) => void): void;
  onNearBeginning(near: () => void): void;
}

/** Places before the first candle in sight at which older ones are fetched. */
const NEAR_BEGINNING = 30;

/** Prices of the axis as they stand everywhere on the page. */
function priceFormat(digits: number): PriceFormat {
  const formatter = (price: number): string => formatPrice(price, digits);
  return { type: 'custom', base: 10 ** digits, minMove: 10 ** -digits, formatter };
}

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
  let format = priceFormat(2);
  let periodMs = 5_000;
  /** The marks and bands that stand there. */
  let marked = '';

  function tickText(timeMs: number, type: TickMarkType): string {
    if (type === TickMarkType.Year) return times.year(timeMs);
    if (type === TickMarkType.Month) return times.month(timeMs);
    if (type === TickMarkType.DayOfMonth) return times.day(timeMs);
    return type === TickMarkType.Time ? times.minute(timeMs) : times.clock(timeMs);
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
                color: lineColor(kind, look),
                crosshairMarkerVisible: false,
                lastValueVisible: place === 'pane',
              },
              pane,
            );
      series.applyOptions({
        priceFormat: kind === 'rsi' ? priceFormat(1) : format,
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
      if (kind !== 'macd_histogram') series.applyOptions({ color: lineColor(kind, look) });
  }

  paint(colors, texts);
  return {
    candles: {
      draw(plan) {
        drawOn(candles, plan, (row) => candlePoint(row, look));
        drawOn(volume, plan, (row) => volumePoint(row, look));
        drawOn(vwap, plan, vwapPoint);
      },
    },
    lines(kind) {
      const series = lines.get(kind);
      if (series === undefined) return null;
      return {
        draw: (plan) =>
          drawOn(series as ISeriesApi<'Line' | 'Histogram'>, plan, (row) => linePoint(row, kind, look)),
      };
    },
    setMarks(rows, signals, gaps) {
      const nextMarks = marksOf(rows, signals, periodMs, look);
      const starts = rows.map(({ start }) => start);
      const nextBands = bandsOf(gaps, starts, periodMs);
      // The library draws everything anew when it is given marks, be they the same.
      const text = JSON.stringify([nextMarks, nextBands, look.accent]);
      if (text === marked) return;
      marked = text;
      marks.setMarkers([...nextMarks]);
      bands.set(nextBands, look.accent);
    },
    setScale(interval, digits) {
      periodMs = interval.periodMs;
      format = priceFormat(digits);
      for (const series of [candles, vwap]) series.applyOptions({ priceFormat: format });
      for (const [kind, series] of lines) if (kind !== 'rsi') series.applyOptions({ priceFormat: format });
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
    firstInSight() {
      const range = chart.timeScale().getVisibleRange();
      return range === null ? null : startOf(range.from);
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
