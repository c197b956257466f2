import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import { h, oncePerFrame, setText } from '../dom.ts';
import { formatPrice, priceDigits, type TimeTexts } from '../format.ts';
import { readColors } from '../theme.ts';
import { createMarketChart } from './chart.ts';
import { createLegend, type LegendValue, legendParts } from './legend.ts';
import { LINE_GROUPS } from './lines.ts';
import type { SeriesModel } from './series-model.ts';
import type { LineId, ShownLines } from './shown-lines.ts';

/** The chart of one series with its legend, its keys, and its words for those who do not see it. */
export interface ChartStage {
  readonly element: HTMLElement;
  /** Another series takes the stage; nothing of it is known yet. */
  take(model: SeriesModel): void;
  /** Its candles have been read: scale and digits are theirs. */
  begin(): void;
  /** Draws what has changed since the last time, by one call per series. */
  draw(): void;
  /** Draws everything anew. */
  repaint(texts: TimeTexts): void;
  showLine(id: LineId, isShown: boolean): void;
  /** Decimals of the prices. */
  digits(): number;
  /** Start of the first candle in sight; null if there is none. */
  firstInSight(): number | null;
  /** Start of the candle that is pointed at, or of the newest. */
  chosen(): number | null;
  /** What is drawn of the candles, as the library holds it. */
  drawn(): unknown;
}

/** What the stage asks for. */
export interface StageActions {
  readonly onPick: (start: number) => void;
  readonly onNearBeginning: () => void;
}

/** Lines whose value the legend says, and with how many decimals; null for those of the prices. */
const SAID: ReadonlyMap<IndicatorKind, number | null> = new Map([
  ['sma', null],
  ['ema', null],
  ['rsi', 1],
]);
/** Newest candles whose closes tell how many decimals the prices have. */
const DIGITS_OF = 50;

/** Builds the stage, empty. */
export function createChartStage(
  firstTexts: TimeTexts,
  lines: ShownLines,
  { onPick, onNearBeginning }: StageActions,
): ChartStage {
  let texts = firstTexts;
  let model: SeriesModel | null = null;
  let digits = 2;
  /** The candle under the mouse, and that which keys have come to. */
  let pointed: number | null = null;
  let stepped: number | null = null;

  const legend = createLegend();
  const canvas = h('div', {
    class: 'canvas',
    tabindex: 0,
    role: 'application',
    'aria-label': 'Candles. Left and right move from candle to candle, Enter explains one.',
  });
  const empty = h('p', { class: 'empty', hidden: true });
  const reading = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const chart = createMarketChart(canvas, readColors(), texts);
  chart.showVwap(lines.has('vwap'));
  for (const { id } of LINE_GROUPS) if (lines.has(id)) chart.showGroup(id, true);

  function forget(): void {
    model?.candles.forget();
    for (const kind of lines.kinds()) model?.line(kind).forget();
  }

  function draw(): void {
    if (model === null) return;
    chart.candles.draw(model.candles.plan());
    for (const kind of lines.kinds()) chart.lines(kind)?.draw(model.line(kind).plan());
    const rows = model.candles.shown();
    chart.setMarks(rows, model.signals(), model.gaps());
    if (rows.length > 0) empty.hidden = true;
    drawLegend();
  }

  function drawLegend(): void {
    const start = pointed ?? stepped;
    const row = start === null ? model?.candles.shown().at(-1) : model?.candles.get(start);
    legend.render(row === undefined ? [] : legendParts(row, texts.full(row.start), digits, valuesAt(row)));
  }

  function valuesAt({
    start,
    vwap,
  }: {
    readonly start: number;
    readonly vwap: number | null;
  }): LegendValue[] {
    const values: LegendValue[] = lines.has('vwap') ? [{ id: 'vwap', text: formatPrice(vwap, digits) }] : [];
    for (const kind of lines.kinds()) {
      const value = SAID.has(kind) ? model?.line(kind).get(start)?.value : undefined;
      if (value !== undefined) values.push({ id: kind, text: formatPrice(value, SAID.get(kind) ?? digits) });
    }
    return values;
  }

  /** Moves the pointer by candles. */
  function step(by: number): void {
    const rows = model?.candles.shown() ?? [];
    const at = stepped === null ? rows.length : rows.findIndex(({ start }) => start === stepped);
    const row = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (row === undefined) return;
    stepped = row.start;
    chart.point(row.start, row.close ?? 0);
    drawLegend();
    setText(reading, `${texts.clock(row.start)} close ${formatPrice(row.close, digits)}, ${row.state}`);
  }

  const drawLegendInFrame = oncePerFrame(drawLegend);
  canvas.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else if (event.key === 'Enter' && stepped !== null) onPick(stepped);
    else return;
    event.preventDefault();
  });
  chart.onPick(onPick);
  chart.onPoint((start) => {
    pointed = start;
    drawLegendInFrame();
  });
  chart.onNearBeginning(onNearBeginning);

  return {
    element: h('div', { class: 'chart' }, legend.element, canvas, empty, reading),
    take(next) {
      model = next;
      pointed = null;
      stepped = null;
    },
    begin() {
      if (model === null) return;
      const rows = model.candles.shown();
      digits = priceDigits(rows.slice(-DIGITS_OF).flatMap(({ close }) => close ?? []));
      chart.setScale(model.interval, digits);
      forget();
      empty.hidden = rows.length > 0;
      setText(empty, `No candle of ${model.interval.name} yet.`);
      draw();
      requestAnimationFrame(() => chart.fit());
    },
    draw,
    repaint(next) {
      texts = next;
      chart.paint(readColors(), texts);
      forget();
      draw();
    },
    showLine(id, isShown) {
      if (id === 'vwap') chart.showVwap(isShown);
      else {
        chart.showGroup(id, isShown);
        const kinds = LINE_GROUPS.find((group) => group.id === id)?.kinds ?? [];
        for (const kind of kinds) model?.line(kind).forget();
      }
      draw();
    },
    digits: () => digits,
    firstInSight: () => chart.firstInSight(),
    chosen: () => pointed ?? stepped ?? model?.candles.shown().at(-1)?.start ?? null,
    drawn: () => chart.drawn(),
  };
}
