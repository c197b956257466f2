import type { Series } from '../api.ts';
import { button, h, setText } from '../dom.ts';
import { formatChange, formatPrice } from '../format.ts';
import { type Interval, INTERVALS } from './intervals.ts';
import { LINE_GROUPS } from './lines.ts';
import { marketOf } from './market-of.ts';
import type { LineId, ShownLines } from './shown-lines.ts';
import type { SymbolLine } from './symbol-board.ts';

/** What is shown, its newest price, and the switches of the chart. */
export interface Toolbar {
  readonly element: HTMLElement;
  showInterval(interval: Interval): void;
  showLine(id: LineId, isShown: boolean): void;
  /** @param line What the list says of the series; undefined while it does not know it. */
  showQuote(series: Series, line: SymbolLine | undefined, digits: number): void;
}

/** What its buttons do. */
export interface ToolbarActions {
  readonly onList: () => void;
  readonly onInterval: (interval: Interval) => void;
  readonly onLine: (id: LineId) => void;
}

const LINES: readonly { readonly id: LineId; readonly label: string }[] = [
  { id: 'vwap', label: 'VWAP' },
  ...LINE_GROUPS,
];

/** Builds the toolbar; it shows no series yet. */
export function createToolbar(shown: ShownLines, { onList, onInterval, onLine }: ToolbarActions): Toolbar {
  const title = h('h1', {}, 'Market');
  const place = h('span', { class: 'market' });
  const price = h('span', { class: 'price' });
  const change = h('span', { class: 'change' });
  const intervalButtons = INTERVALS.map((one) => {
    const press = button(one.name, () => onInterval(one), { 'aria-pressed': 'false' });
    return [one.name, press] as const;
  });
  const lineButtons = new Map(
    LINES.map(({ id, label }) => {
      const attributes = { class: `line-${id}`, 'aria-pressed': String(shown.has(id)) };
      return [id, button(label, () => onLine(id), attributes)] as const;
    }),
  );
  return {
    element: h(
      'header',
      { class: 'toolbar' },
      button('Symbols', onList, { class: 'open-list' }),
      h('div', { class: 'quote' }, title, place, price, change),
      h(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Length of a candle' },
        ...intervalButtons.map(([, press]) => press),
      ),
      h('div', { class: 'toggles', role: 'group', 'aria-label': 'Lines' }, ...lineButtons.values()),
    ),
    showInterval(interval) {
      for (const [name, press] of intervalButtons)
        press.setAttribute('aria-pressed', String(name === interval.name));
    },
    showLine: (id, isShown) => lineButtons.get(id)?.setAttribute('aria-pressed', String(isShown)),
    showQuote({ feed, symbol }, line, digits) {
      const { market, place: at } = marketOf(symbol);
      setText(title, at === null ? symbol : symbol.slice(at.length + 1));
      const isSaid = at?.toLowerCase() === feed;
      setText(place, [market, at, isSaid ? null : feed].filter((part) => part !== null).join(' · '));
      const known = line === undefined || !Number.isFinite(line.price) ? null : line.price;
      setText(price, formatPrice(known, digits));
      const [text, way] = formatChange(line?.change ?? null);
      const span = line === undefined ? 0 : line.timeMs - line.sinceMs;
      setText(change, line === undefined || line.change === null ? '' : `${text} in ${spanText(span)}`);
      const trend = `change ${way}`;
      if (change.className !== trend) change.className = trend;
    },
  };
}

/** The list knows an hour, or what there was of it. */
function spanText(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  return minutes < 59 ? `${minutes} min` : '1 h';
}
