import type { CandleRow } from '../api.ts';
import { h } from '../dom.ts';
import { formatAmount, formatPrice } from '../format.ts';
import { BACKFILLED } from './chart-points.ts';

/** The line over the candles that says one of them in numbers. */
export interface Legend {
  readonly element: HTMLElement;
  /** Null for no candle. */
  render(parts: readonly LegendPart[]): void;
}

/** One thing that it says. */
export interface LegendPart {
  readonly kind: string;
  readonly name: string;
  /** Coloured as the candle is; null where the name says it all. */
  readonly value: string | null;
}

/** A value of a line at the candle. */
export interface LegendValue {
  readonly id: string;
  readonly text: string;
}

/** What is said of a candle. @param when Its start in words. @param values Of the lines that are shown. */
export function legendParts(
  row: CandleRow,
  when: string,
  digits: number,
  values: readonly LegendValue[],
): readonly LegendPart[] {
  const trend = (row.close ?? 0) >= (row.open ?? 0) ? 'up' : 'down';
  const pair = (name: string, value: string): LegendPart => ({ kind: trend, name, value });
  const word = (kind: string, name: string): LegendPart => ({ kind, name, value: null });
  return [
    word('when', when),
    pair('O', formatPrice(row.open, digits)),
    pair('H', formatPrice(row.high, digits)),
    pair('L', formatPrice(row.low, digits)),
    pair('C', formatPrice(row.close, digits)),
    pair('Vol', formatAmount(row.volume ?? 0)),
    ...values.map(({ id, text }) => word(`of-${id}`, `${id.toUpperCase()} ${text}`)),
    word(`state ${row.state}`, row.revision > 0 ? `${row.state} ${row.revision}×` : row.state),
    ...(row.complete === false ? [word('state incomplete', 'incomplete')] : []),
    ...(row.reason === BACKFILLED ? [word('state', 'backfilled')] : []),
    ...marksOf(row).map((mark) => word('state', mark)),
  ];
}

/** In a few words, what the prices of a candle are of, where it is not trades that count for everything. */
function marksOf({ sampled, price_rank: rank = 0 }: CandleRow): readonly string[] {
  if (sampled === true) return ['prices without trades'];
  return rank === 0 ? [] : [rank === 1 ? 'prices of high and low only' : 'prices of volume-only trades'];
}

/** Builds the legend, empty. Screen readers are told of candles otherwise. */
export function createLegend(): Legend {
  const element = h('div', { class: 'legend', 'aria-hidden': 'true' });
  let said = '[]';
  return {
    element,
    render(parts) {
      const text = JSON.stringify(parts);
      if (text === said) return;
      said = text;
      element.replaceChildren(
        ...parts.map(({ kind, name, value }) =>
          value === null
            ? h('span', { class: kind }, name)
            : h('span', {}, `${name} `, h('b', { class: kind }, value)),
        ),
      );
    },
  };
}
