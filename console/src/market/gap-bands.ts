import type { IChartApi, IPrimitivePaneView, ISeriesPrimitive, Logical } from 'lightweight-charts';

/** Stretches of candles that a gap of the feed touches, as places in the drawn row of candles. */
export interface Band {
  readonly first: number;
  readonly last: number;
}

/** Hatched bands behind the candles. */
export interface GapBands {
  readonly primitive: ISeriesPrimitive;
  set(bands: readonly Band[], color: string): void;
}

/**
 * Where gaps lie among candles. A gap in which no candle stands is a line between its neighbours, which is
 * half a place from both.
 *
 * @param starts Ascending.
 */
export function bandsOf(
  gaps: readonly { readonly from_time: number; readonly to_time: number }[],
  starts: readonly number[],
  periodMs: number,
): readonly Band[] {
  const found: Band[] = [];
  for (const { from_time: fromMs, to_time: toMs } of gaps) {
    const first = starts.findIndex((start) => start + periodMs > fromMs);
    const last = starts.findLastIndex((start) => start < toMs);
    if (first < 0 || last < 0) continue;
    found.push(first > last ? { first: last + 0.5, last: last + 0.5 } : { first, last });
  }
  // A feed that was away leaves a gap for each of its shards: over each other they would hide the candles.
  const bands: Band[] = [];
  for (const band of found.toSorted((a, b) => a.first - b.first)) {
    const before = bands.at(-1);
    if (before === undefined || band.first > before.last) bands.push(band);
    else bands[bands.length - 1] = { first: before.first, last: Math.max(before.last, band.last) };
  }
  return bands;
}

/** Builds the bands of a chart. */
export function createGapBands(chart: IChartApi): GapBands {
  let bands: readonly Band[] = [];
  let color = '';
  let requestUpdate: (() => void) | null = null;

  function draw(context: CanvasRenderingContext2D, ratio: number, height: number): void {
    const scale = chart.timeScale();
    const half = scale.options().barSpacing / 2;
    for (const { first, last } of bands) {
      const [left, right] = [
        scale.logicalToCoordinate(first as Logical),
        scale.logicalToCoordinate(last as Logical),
      ];
      if (left === null || right === null) continue;
      const isThin = !Number.isInteger(first);
      const from = (left - (isThin ? 1.5 : half)) * ratio;
      const width = Math.max(3 * ratio, (right - left + (isThin ? 3 : 2 * half)) * ratio);
      context.save();
      context.beginPath();
      context.rect(from, 0, width, height);
      context.clip();
      context.globalAlpha = 0.13;
      context.fillStyle = color;
      context.fillRect(from, 0, width, height);
      context.globalAlpha = 0.4;
      context.strokeStyle = color;
      context.lineWidth = ratio;
      for (let x = from - height; x < from + width; x += 9 * ratio) {
        context.moveTo(x, height);
        context.lineTo(x + height, 0);
      }
      context.stroke();
      context.restore();
    }
  }

  const view: IPrimitivePaneView = {
    zOrder: () => 'bottom',
    renderer: () => ({
      draw: (target) =>
        target.useBitmapCoordinateSpace(({ context, horizontalPixelRatio, bitmapSize }) =>
          draw(context, horizontalPixelRatio, bitmapSize.height),
        ),
    }),
  };
  const views = [view];
  return {
    primitive: {
      attached: (attached) => {
        requestUpdate = attached.requestUpdate;
      },
      detached: () => {
        requestUpdate = null;
      },
      paneViews: () => views,
    },
    set(next, nextColor) {
      bands = next;
      color = nextColor;
      requestUpdate?.();
    },
  };
}
