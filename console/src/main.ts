import { button, h, setText } from './dom.ts';
import { createDataView } from './data/data-view.ts';
import { timeTexts, type Zone, ZONES } from './format.ts';
import type { StreamState } from './live-stream.ts';
import { INTERVALS } from './market/intervals.ts';
import { createMarketView } from './market/market-view.ts';
import { createPipelineView } from './pipeline/pipeline-view.ts';
import { forbidEval } from './no-eval.ts';
import { startTheme } from './theme.ts';
import type { View } from './view.ts';

const ZONE_KEY = 'kandle-zone';
const PAGES = ['market', 'pipeline', 'data'] as const;
type Page = (typeof PAGES)[number];

const KEYS: readonly (readonly [string, string])[] = [
  ['↑ ↓', 'another symbol'],
  ['/', 'find a symbol'],
  ['1 – 5', 'length of a candle'],
  ['e', 'explain the newest candle'],
  ['← → Enter', 'in the chart: move, explain'],
  ['Esc', 'close'],
  ['t', 'light or dark'],
  ['?', 'these keys'],
];

function start(root: HTMLElement): void {
  let zone = ZONES.find((one) => one === localStorage.getItem(ZONE_KEY)) ?? 'local';
  let texts = timeTexts(zone);
  let lastState: StreamState = { kind: 'connecting' };
  let shown: Page = 'market';
  let marketTitle = titleOf('market');

  const line = h('span', { class: 'line connecting', role: 'status' }, 'Connecting …');
  const problem = h('p', { class: 'banner', role: 'alert', hidden: true });
  const market = createMarketView(texts, {
    onStream: showState,
    onProblem(text) {
      problem.hidden = text === null;
      setText(problem, text ?? '');
    },
    onChoice(series, interval) {
      const parts = ['market', series.feed, series.symbol, interval.name].map(encodeURIComponent);
      const address = `#/${parts.join('/')}`;
      // The way back from the other pages.
      links[PAGES.indexOf('market')]?.setAttribute('href', address);
      marketTitle = series.symbol;
      // The market chooses its first symbol under another page too.
      if (shown !== 'market') return;
      history.replaceState(null, '', address);
      showTitle();
    },
  });
  const views: Readonly<Record<Page, View>> = {
    market,
    pipeline: createPipelineView(() => texts),
    data: createDataView(() => texts),
  };
  const theme = startTheme(() => market.repaint(texts));

  const zones = h(
    'select',
    { 'aria-label': 'Time zone' },
    ...ZONES.map((one) => h('option', { value: one, selected: one === zone }, zoneName(one))),
  );
  zones.addEventListener('change', () => {
    zone = ZONES.find((one) => one === zones.value) ?? 'local';
    localStorage.setItem(ZONE_KEY, zone);
    texts = timeTexts(zone);
    market.repaint(texts);
    showState(lastState);
  });
  const links = PAGES.map((page) => h('a', { href: `#/${page}` }, titleOf(page)));
  const help = h(
    'dialog',
    { 'aria-label': 'Keys' },
    h('h2', {}, 'Keys'),
    h('dl', {}, ...KEYS.flatMap(([key, meaning]) => [h('dt', {}, key), h('dd', {}, meaning)])),
    button('Close', () => help.close()),
  );

  root.replaceChildren(
    h(
      'header',
      { class: 'top' },
      h(
        'a',
        { class: 'brand', href: '#/market' },
        h('img', { src: '/console/icon.svg', alt: '', width: 24, height: 24 }),
        'Kandle',
      ),
      h('nav', { 'aria-label': 'Pages' }, ...links),
      line,
      zones,
      button('◐', () => theme.toggle(), { 'aria-label': 'Light or dark', title: 'Light or dark (t)' }),
      button('?', () => help.showModal(), { 'aria-label': 'Keys', title: 'Keys (?)' }),
    ),
    problem,
    h('main', {}, ...PAGES.map((page) => views[page].element)),
    h(
      'footer',
      {},
      h('span', {}, 'Times: ', h('b', {}, 'event time'), '. Prices: stored doubles.'),
      // As the chart library's licence asks.
      h(
        'span',
        { class: 'notice' },
        'TradingView Lightweight Charts™ © TradingView, Inc. ',
        h(
          'a',
          { href: 'https://www.tradingview.com/', target: '_blank', rel: 'noreferrer' },
          'Charts by TradingView',
        ),
      ),
    ),
    help,
  );

  function showState(state: StreamState): void {
    lastState = state;
    line.className = `line ${state.kind}`;
    const text =
      state.kind === 'stale'
        ? `Stale since ${texts.clock(state.sinceMs)}`
        : state.kind === 'live'
          ? 'Live'
          : 'Connecting …';
    setText(line, text);
  }

  function showTitle(): void {
    document.title = `${shown === 'market' ? marketTitle : titleOf(shown)} · Kandle`;
  }

  function route(): void {
    const [page = '', feed = '', symbol = '', name = ''] = location.hash
      .replace(/^#\//, '')
      .split('/')
      .map(decodeURIComponent);
    shown = PAGES.find((one) => one === page) ?? 'market';
    PAGES.forEach((one, place) => {
      views[one].show(one === shown);
      if (one === shown) links[place]?.setAttribute('aria-current', 'page');
      else links[place]?.removeAttribute('aria-current');
    });
    showTitle();
    if (shown === 'market' && symbol !== '') {
      const interval = INTERVALS.find((one) => one.name === name) ?? null;
      market.choose({ feed, symbol }, interval);
    }
  }

  addEventListener('hashchange', route);
  addEventListener('keydown', (event) => {
    const { target, key, ctrlKey, metaKey, altKey } = event;
    if (ctrlKey || metaKey || altKey || help.open || event.defaultPrevented) return;
    if (target instanceof HTMLElement && target.closest('input, select, textarea') !== null) return;
    if (key === 't') theme.toggle();
    else if (key === '?') help.showModal();
    else if (shown !== 'market' || !market.press(key)) return;
    event.preventDefault();
  });
  route();
  Object.assign(globalThis, { kandle: { drawn: market.drawn } });
}

function titleOf(page: Page): string {
  return `${page[0]?.toUpperCase() ?? ''}${page.slice(1)}`;
}

function zoneName(zone: Zone): string {
  return zone === 'local' ? 'Local' : zone.replace(/^.*\//, '').replace('_', ' ');
}

forbidEval();
const root = document.querySelector<HTMLElement>('#app');
if (root !== null) start(root);
