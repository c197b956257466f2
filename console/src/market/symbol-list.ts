import type { Series } from '../api.ts';
import { h, setText, svg } from '../dom.ts';
import { formatChange, formatCount, formatPrice, priceDigits } from '../format.ts';
import { labelSymbols } from './labels.ts';
import { marketOf } from './market-of.ts';
import { keyOf, type SymbolLine } from './symbol-board.ts';

/** The list of symbols. */
export interface SymbolList {
  readonly element: HTMLElement;
  render(lines: readonly SymbolLine[], selected: string | null, nowMs: number): void;
  focusFilter(): void;
  /** The series after or before one, as the list stands. */
  neighbour(key: string | null, step: 1 | -1): Series | null;
}

/** More than this is found by its name. */
const MAX_SHOWN = 200;
/** Without a trade for this long a symbol counts as quiet, milliseconds. */
const QUIET_MS = 20_000;
const DAY_MS = 86_400_000;
const SPARK = { width: 72, height: 24 };

interface Item {
  readonly element: HTMLLIElement;
  update(line: SymbolLine, isSelected: boolean, nowMs: number): void;
}

/** Builds the list; nothing is in it yet. */
export function createSymbolList(onSelect: (series: Series) => void): SymbolList {
  const items = new Map<string, Item>();
  const filter = h('input', {
    type: 'search',
    placeholder: 'Find a symbol  ( / )',
    'aria-label': 'Find a symbol',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  const list = h('ul', { class: 'symbols', 'aria-label': 'Symbols' });
  const note = h('p', { class: 'note' });
  labelSymbols(list);
  const element = h('aside', { class: 'sidebar', 'aria-label': 'Symbols' }, filter, list, note);
  let last: Parameters<SymbolList['render']> = [[], null, 0];
  let shown: readonly SymbolLine[] = [];

  function render(...[lines, selected, nowMs]: Parameters<SymbolList['render']>): void {
    last = [lines, selected, nowMs];
    const wanted = filter.value.trim().toLowerCase();
    const found = wanted === '' ? lines : lines.filter(({ symbol }) => symbol.toLowerCase().includes(wanted));
    shown = found.slice(0, MAX_SHOWN);
    const keys = new Set(shown.map(({ key }) => key));
    for (const [key, item] of items)
      if (!keys.has(key)) {
        item.element.remove();
        items.delete(key);
      }
    shown.forEach((line, place) => {
      let item = items.get(line.key);
      if (item === undefined) {
        item = createItem(line, () => onSelect(line));
        items.set(line.key, item);
      }
      if (list.children[place] !== item.element)
        list.insertBefore(item.element, list.children[place] ?? null);
      item.update(line, line.key === selected, nowMs);
    });
    setText(note, noteOf(lines.length, found.length));
  }

  filter.addEventListener('input', () => render(...last));
  filter.addEventListener('keydown', ({ key }) => {
    const [first] = shown;
    if (key === 'Enter' && first !== undefined) onSelect(first);
    if (key === 'Enter' || key === 'Escape') filter.blur();
  });
  return {
    element,
    render,
    focusFilter: () => filter.focus(),
    neighbour(key, step) {
      const place = shown.findIndex((line) => line.key === key);
      return shown[place < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, place + step))] ?? null;
    },
  };
}

function noteOf(all: number, found: number): string {
  if (all === 0) return 'No symbol has traded yet.';
  if (found === 0) return 'No symbol is called so.';
  if (found > MAX_SHOWN) return `The first ${MAX_SHOWN} of ${formatCount(found)}: type to find others.`;
  return '';
}

function createItem(series: Series, onPress: () => void): Item {
  const { market, place } = marketOf(series.symbol);
  const name = series.symbol.slice(place === null ? 0 : place.length + 1);
  const price = h('span', { class: 'price' });
  const change = h('span', { class: 'change' });
  const status = h('span', { class: 'status' });
  const feed = h('span', { class: 'feed' });
  const about = place === null ? market : `${market} · ${place}`;
  const line = svg('path', { class: 'spark-line', 'vector-effect': 'non-scaling-stroke' });
  const area = svg('path', { class: 'spark-area' });
  const spark = svg(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${SPARK.width} ${SPARK.height}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    area,
    line,
  );
  const press = h(
    'button',
    { type: 'button', title: `${series.symbol} of ${series.feed}: ${about}` },
    h('span', { class: 'name' }, name),
    spark,
    price,
    h('span', { class: 'about' }, status, feed, h('span', { class: 'kind' }, about)),
    change,
  );
  press.addEventListener('click', onPress);
  const element = h('li', { 'data-key': keyOf(series) }, press);
  let drawn: SymbolLine | null = null;
  let drawnPath = '';
  let digits = 2;

  function draw({ price: newest, change: share, closes, isOneOfMany }: SymbolLine): void {
    setText(feed, isOneOfMany ? series.feed : '');
    digits = Math.max(digits, priceDigits([newest]));
    setText(price, formatPrice(Number.isFinite(newest) ? newest : null, digits));
    const [text, trend] = formatChange(share);
    setText(change, text);
    if (element.className !== trend) element.className = trend;
    const path = sparkPath(closes);
    if (path === drawnPath) return;
    drawnPath = path;
    line.setAttribute('d', path);
    area.setAttribute('d', path === '' ? '' : `${path}L${SPARK.width} ${SPARK.height}L0 ${SPARK.height}Z`);
  }

  return {
    element,
    update(next, isSelected, nowMs) {
      const [word, isTrading] = statusOf(next.timeMs, nowMs);
      setText(status, word);
      status.classList.toggle('trading', isTrading);
      if (press.hasAttribute('aria-current') !== isSelected) {
        if (isSelected) press.setAttribute('aria-current', 'true');
        else press.removeAttribute('aria-current');
      }
      // The board hands out the same object as long as nothing of it has changed.
      if (next === drawn) return;
      drawn = next;
      draw(next);
    },
  };
}

function statusOf(timeMs: number, nowMs: number): readonly [string, boolean] {
  const agoMs = nowMs - timeMs;
  if (timeMs === 0) return ['', false];
  if (agoMs < QUIET_MS) return ['trading', true];
  if (agoMs < 3_600_000) return [agoMs < 60_000 ? 'quiet' : `quiet ${Math.floor(agoMs / 60_000)} min`, false];
  if (agoMs < DAY_MS) return [`quiet ${Math.floor(agoMs / 3_600_000)} h`, false];
  return [new Date(timeMs).toISOString().slice(0, 10), false];
}

function sparkPath(closes: readonly number[]): string {
  if (closes.length < 2) return '';
  const low = Math.min(...closes);
  const span = Math.max(...closes) - low || 1;
  const step = SPARK.width / (closes.length - 1);
  return closes
    .map((close, place) => {
      const y = SPARK.height - 2 - ((close - low) / span) * (SPARK.height - 4);
      return `${place === 0 ? 'M' : 'L'}${(place * step).toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}
