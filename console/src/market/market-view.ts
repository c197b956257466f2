import * as z from 'zod/mini';
import { ApiError, ask, askRows, type CandleRow, CandleSchema, type Series, SymbolSchema } from '../api.ts';
import { atMostEvery, button, h, oncePerFrame, setText } from '../dom.ts';
import { formatAmount, formatChange, formatPrice, priceDigits, type TimeTexts } from '../format.ts';
import { type LiveStream, openLiveStream, type StreamState } from '../live-stream.ts';
import type { View } from '../view.ts';
import { readColors } from '../theme.ts';
import { createMarketChart } from './chart.ts';
import { createExplainPanel } from './explain-panel.ts';
import { type Interval, INTERVALS, SHORTEST } from './intervals.ts';
import { LINE_GROUPS, type LineGroup } from './lines.ts';
import { marketOf } from './market-of.ts';
import { createSeriesModel, type SeriesModel } from './series-model.ts';
import { createSymbolBoard, keyOf } from './symbol-board.ts';
import { createSymbolList } from './symbol-list.ts';

/** What the market view tells the page. */
export interface MarketEvents {
  readonly onStream: (state: StreamState) => void;
  /** A problem in words; null when it is over. */
  readonly onProblem: (text: string | null) => void;
  readonly onChoice: (series: Series, interval: Interval) => void;
}

/** The view of the market; it listens from its making on. */
export interface MarketView extends View {
  choose(series: Series | null, interval: Interval | null): void;
  /** Colours or the time zone have changed. */
  repaint(texts: TimeTexts): void;
  /** A key of the page; true if it meant something. */
  press(key: string): boolean;
  /** For tests and for the browser's own console: what is drawn of the candles. */
  drawn(): unknown;
}

const LIST_EVERY_MS = 10_000;
/** Prices and sparklines of all symbols need not be drawn in every frame. */
const LIST_DRAWN_MS = 250;
/** How often candles in sight are read again: what no stream tells, such as a repair, is seen then. */
const LOOK_AGAIN_MS = 15_000;
const ROLLUPS_EVERY_MS = 3_000;
/** The stream of everything is asked for up to so many symbols; of more, of those at the top of the list. */
const MAX_STREAMED = 100;
const SPARKED = 60;
const SHOWN_KEY = 'kandle-lines';

const RowsSchema = z.object({ rows: z.array(SymbolSchema) });
const StreamedSchema = z.object({
  feed: z.string(),
  rows: z.array(z.looseObject({ symbol: z.string() })),
});

/** Builds the view. */
export function createMarketView(firstTexts: TimeTexts, events: MarketEvents): MarketView {
  let texts = firstTexts;
  let interval: Interval = SHORTEST;
  let model: SeriesModel | null = null;
  let digits = 2;
  let stream: LiveStream | null = null;
  let streamed: ReadonlySet<string> | 'all' = new Set();
  /** The candle under the mouse, and that which keys have come to. */
  let pointed: number | null = null;
  let stepped: number | null = null;
  let wished: Series | null = null;
  const board = createSymbolBoard();
  const sparked = new Set<string>();
  const shown = new Set<string>(
    (localStorage.getItem(SHOWN_KEY) ?? 'vwap,sma,ema,rsi').split(',').filter((id) => id !== ''),
  );

  const list = createSymbolList((series) => choose(series, null));
  const title = h('h1', {}, 'Market');
  const place = h('span', { class: 'market' });
  const price = h('span', { class: 'price' });
  const change = h('span', { class: 'change' });
  const openList = button('Symbols', () => element.classList.toggle('list-open'), { class: 'open-list' });
  const intervalButtons = INTERVALS.map((one) =>
    button(one.name, () => choose(null, one), { 'aria-pressed': 'false' }),
  );
  const lineButtons = new Map(
    [{ id: 'vwap', label: 'VWAP' }, ...LINE_GROUPS].map(
      ({ id, label }) =>
        [
          id,
          button(label, () => toggle(id), { class: `line-${id}`, 'aria-pressed': String(shown.has(id)) }),
        ] as const,
    ),
  );
  const legend = h('div', { class: 'legend', 'aria-hidden': 'true' });
  const canvas = h('div', {
    class: 'canvas',
    tabindex: 0,
    role: 'application',
    'aria-label': 'Candles. Left and right move from candle to candle, Enter explains one.',
  });
  const reading = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  const empty = h('p', { class: 'empty', hidden: true });
  const signalList = h('ol', { class: 'signals', tabindex: 0, 'aria-label': 'Newest signals' });
  const explain = createExplainPanel();
  const element = h(
    'section',
    { class: 'market', 'aria-label': 'Market' },
    list.element,
    h(
      'div',
      { class: 'stage' },
      h(
        'header',
        { class: 'toolbar' },
        openList,
        h('div', { class: 'quote' }, title, place, price, change),
        h(
          'div',
          { class: 'segments', role: 'group', 'aria-label': 'Length of a candle' },
          ...intervalButtons,
        ),
        h('div', { class: 'toggles', role: 'group', 'aria-label': 'Lines' }, ...lineButtons.values()),
      ),
      h('div', { class: 'chart' }, legend, canvas, empty, reading),
      signalList,
    ),
    explain.element,
  );
  const chart = createMarketChart(canvas, readColors(), texts);
  chart.showVwap(shown.has('vwap'));
  for (const { id } of LINE_GROUPS) if (shown.has(id)) chart.showGroup(id, true);

  const shownKinds = () => LINE_GROUPS.filter(({ id }) => shown.has(id)).flatMap(({ kinds }) => kinds);

  /** All that has changed since the last frame, by one call per series. */
  const draw = oncePerFrame(() => {
    if (model === null) return;
    const plan = model.candles.plan();
    chart.candles.draw(plan);
    for (const kind of shownKinds()) chart.lines(kind)?.draw(model.line(kind).plan());
    const rows = model.candles.shown();
    chart.setMarks(rows, model.signals(), model.gaps());
    drawSignals();
    drawQuote();
    drawLegend();
    element.dataset['drawn'] = String(rows.length);
  });

  const drawList = atMostEvery(LIST_DRAWN_MS, () => {
    list.render(board.lines(), model === null ? null : keyOf(model), Date.now());
  });

  function drawQuote(): void {
    if (model === null) return;
    const { market, place: at } = marketOf(model.symbol);
    setText(title, at === null ? model.symbol : model.symbol.slice(at.length + 1));
    const isSaid = at?.toLowerCase() === model.feed;
    setText(place, [market, at, isSaid ? null : model.feed].filter((part) => part !== null).join(' · '));
    const line = board.line(keyOf(model));
    setText(
      price,
      formatPrice(line === undefined || !Number.isFinite(line.price) ? null : line.price, digits),
    );
    setText(change, line === undefined ? '' : `${formatChange(line.change)} in 1 h`);
    change.className = `change ${(line?.change ?? 0) >= 0 ? 'up' : 'down'}`;
  }

  function drawLegend(): void {
    const start = pointed ?? stepped;
    const row = start === null ? model?.candles.shown().at(-1) : model?.candles.get(start);
    legend.replaceChildren(...(row === undefined ? [] : legendOf(row)));
  }

  function legendOf(row: CandleRow): readonly Node[] {
    const trend = (row.close ?? 0) >= (row.open ?? 0) ? 'up' : 'down';
    const pair = (name: string, text: string) => h('span', {}, `${name} `, h('b', { class: trend }, text));
    const kinds = model === null ? [] : shownKinds();
    return [
      h('span', { class: 'when' }, texts.full(row.start)),
      pair('O', formatPrice(row.open, digits)),
      pair('H', formatPrice(row.high, digits)),
      pair('L', formatPrice(row.low, digits)),
      pair('C', formatPrice(row.close, digits)),
      pair('Vol', formatAmount(row.volume ?? 0)),
      ...(shown.has('vwap')
        ? [h('span', { class: 'of-vwap' }, `VWAP ${formatPrice(row.vwap, digits)}`)]
        : []),
      ...kinds
        .filter((kind) => kind === 'sma' || kind === 'ema' || kind === 'rsi')
        .flatMap((kind) => {
          const value = model?.line(kind).get(row.start)?.value;
          return value === undefined
            ? []
            : [
                h(
                  'span',
                  { class: `of-${kind}` },
                  `${kind.toUpperCase()} ${formatPrice(value, kind === 'rsi' ? 1 : digits)}`,
                ),
              ];
        }),
      h(
        'span',
        { class: `state ${row.state}` },
        row.revision > 0 ? `${row.state} ${row.revision}×` : row.state,
      ),
      ...(row.complete === false ? [h('span', { class: 'state incomplete' }, 'incomplete')] : []),
      ...marksOf(row).map((mark) => h('span', { class: 'state' }, mark)),
    ];
  }

  function drawSignals(): void {
    const newest = model?.signals().toReversed().slice(0, 20) ?? [];
    const text = newest.map(({ start, rule, version }) => `${start} ${rule} ${version}`).join();
    if (signalList.dataset['text'] === text) return;
    signalList.dataset['text'] = text;
    signalList.replaceChildren(
      ...newest.map(({ start, side, text: words, state }) =>
        h(
          'li',
          { class: `${side} ${state}` },
          h('time', { datetime: new Date(start).toISOString() }, texts.clock(start)),
          h('span', {}, `${withoutSymbol(words)}${state === 'retracted' ? ' (taken back)' : ''}`),
        ),
      ),
    );
  }

  /** The text of a signal begins with its symbol, which stands above. */
  function withoutSymbol(words: string): string {
    const prefix = `${model?.symbol ?? ''}: `;
    return words.startsWith(prefix) ? words.slice(prefix.length) : words;
  }

  function toggle(id: string): void {
    if (shown.has(id)) shown.delete(id);
    else shown.add(id);
    localStorage.setItem(SHOWN_KEY, [...shown].join(','));
    const isShown = shown.has(id);
    lineButtons.get(id)?.setAttribute('aria-pressed', String(isShown));
    if (id === 'vwap') chart.showVwap(isShown);
    else {
      const group = LINE_GROUPS.find((one) => one.id === id);
      if (group !== undefined) void showGroup(group, isShown);
    }
    drawLegend();
  }

  async function showGroup({ id, kinds }: LineGroup, isShown: boolean): Promise<void> {
    chart.showGroup(id, isShown);
    if (!isShown || model === null) return;
    const own = model;
    for (const kind of kinds) own.line(kind).forget();
    draw();
    await attempt(() => own.loadLines(kinds));
    draw();
  }

  /** Runs what asks the server, and tells if it cannot. */
  async function attempt(run: () => Promise<unknown>): Promise<void> {
    try {
      await run();
      events.onProblem(null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      events.onProblem(error.message);
    }
  }

  function choose(series: Series | null, next: Interval | null): void {
    const target = series ?? model ?? wished;
    wished = series ?? wished;
    const isSame =
      model !== null &&
      target !== null &&
      keyOf(model) === keyOf(target) &&
      (next ?? interval).name === model.interval.name;
    interval = next ?? interval;
    INTERVALS.forEach(({ name }, n) =>
      intervalButtons[n]?.setAttribute('aria-pressed', String(name === interval.name)),
    );
    if (target === null || isSame) return;
    element.classList.remove('list-open');
    const own = createSeriesModel(target, interval);
    model = own;
    pointed = null;
    stepped = null;
    explain.close();
    events.onChoice(own, interval);
    void own.loadLines(shownKinds());
    void attempt(() => load(own));
    drawList();
    listen();
  }

  async function load(own: SeriesModel): Promise<void> {
    const line = board.line(keyOf(own));
    await own.load(line === undefined || line.timeMs === 0 ? Date.now() : line.timeMs);
    if (model !== own) return;
    const rows = own.candles.shown();
    digits = priceDigits(rows.slice(-50).flatMap(({ close }) => close ?? []));
    chart.setScale(own.interval, digits);
    own.candles.forget();
    for (const kind of shownKinds()) own.line(kind).forget();
    empty.hidden = rows.length > 0;
    setText(empty, `No candle of ${own.interval.name} yet.`);
    draw();
    requestAnimationFrame(() => chart.fit());
  }

  async function readList(): Promise<void> {
    await attempt(async () => {
      const { rows } = await ask(RowsSchema, '/v1/symbols');
      board.takeList(rows);
      drawList();
      const [first] = board.lines();
      if (model === null && first !== undefined) {
        const known = wished === null ? undefined : board.line(keyOf(wished));
        choose(known ?? first, null);
      }
      listen();
      void readSparks();
    });
  }

  /** The last hour of the symbols at the top, one after the other: nothing waits for it. */
  async function readSparks(): Promise<void> {
    for (const { key, feed, symbol, timeMs } of board.lines().slice(0, SPARKED)) {
      if (sparked.has(key) || timeMs === 0) continue;
      sparked.add(key);
      const range = { interval: '1m', from: timeMs - 3_600_000, to: timeMs + 60_000 };
      try {
        board.takeMinutes(
          { feed, symbol },
          await askRows(CandleSchema, '/v1/candles', { feed, symbol, ...range }),
        );
      } catch {
        sparked.delete(key);
        return;
      }
      drawList();
    }
  }

  /** Opens the stream, or another one where the chosen symbol is not in it. */
  function listen(): void {
    const lines = board.lines();
    if (model === null) return;
    const own = model.symbol;
    if (streamed === 'all' ? lines.length <= MAX_STREAMED : streamed.has(own)) return;
    stream?.close();
    const names = [...new Set([own, ...lines.map(({ symbol }) => symbol)])].slice(0, MAX_STREAMED);
    streamed = lines.length <= MAX_STREAMED ? 'all' : new Set(names);
    const query = new URLSearchParams(streamed === 'all' ? [] : names.map((name) => ['symbol', name]));
    stream = openLiveStream(`/v1/stream?${query.toString()}`, {
      onEvent: take,
      // What came before the stream's beginning, and what it may have missed, stands in the lists.
      onBegin() {
        const current = model;
        if (current !== null) void attempt(() => lookAgain(current));
      },
      onState: events.onStream,
    });
  }

  function take(kind: string, data: unknown): void {
    const { feed, rows } = z.parse(StreamedSchema, data);
    if (kind === 'candles')
      for (const row of rows) {
        const parsed = z.safeParse(CandleSchema, row);
        if (parsed.success) board.takeCandle({ feed, symbol: row.symbol }, parsed.data, SHORTEST.periodMs);
      }
    const own = model;
    if (own !== null && own.feed === feed) {
      const mine = rows.filter(({ symbol }) => symbol === own.symbol);
      if (mine.length > 0 && own.takeStreamed(kind, mine)) {
        empty.hidden = true;
        draw();
      }
    }
    if (kind === 'candles') drawList();
  }

  /** Reads what is in sight again, and what is newer. */
  async function lookAgain(own: SeriesModel): Promise<void> {
    const newest = own.candles.shown().at(-1)?.start ?? Date.now();
    const sight = chart.sight();
    const from = Math.max(sight?.firstMs ?? 0, newest - 1_000 * own.interval.periodMs);
    await own.reload(from, newest + 3_600_000 + own.interval.periodMs);
    if (model === own) draw();
  }

  async function lookAtRollups(): Promise<void> {
    const own = model;
    const dirty = own?.takeDirty(Date.now()) ?? null;
    if (own === null || dirty === null) return;
    await own.reload(dirty.fromMs, dirty.toMs);
    if (model === own) draw();
  }

  function explainAt(start: number): void {
    if (model === null) return;
    if (interval.name === SHORTEST.name) void explain.open(model, start, texts, digits);
    else choose(null, SHORTEST);
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

  canvas.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else if (event.key === 'Enter' && stepped !== null) explainAt(stepped);
    else return;
    event.preventDefault();
  });
  chart.onPick(explainAt);
  chart.onPoint((start) => {
    pointed = start;
    drawLegend();
  });
  let isReadingOlder = false;
  chart.onNearBeginning(() => {
    const own = model;
    if (own === null || isReadingOlder) return;
    isReadingOlder = true;
    void attempt(async () => {
      if (await own.loadOlder()) draw();
    }).finally(() => {
      isReadingOlder = false;
    });
  });

  const every = (ms: number, run: () => Promise<void>) =>
    setInterval(() => {
      if (!document.hidden) void run();
    }, ms);
  every(LIST_EVERY_MS, readList);
  every(LOOK_AGAIN_MS, async () => {
    const own = model;
    if (own !== null) await attempt(() => lookAgain(own));
  });
  every(ROLLUPS_EVERY_MS, () => attempt(lookAtRollups));
  every(1_000, async () => drawList());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void readList();
  });
  void readList();

  return {
    element,
    choose,
    repaint(next) {
      texts = next;
      chart.paint(readColors(), texts);
      model?.candles.forget();
      for (const kind of shownKinds()) model?.line(kind).forget();
      delete signalList.dataset['text'];
      draw();
    },
    press(key) {
      const nth = Number(key);
      if (key === '/') list.focusFilter();
      else if (key === 'ArrowDown' || key === 'ArrowUp' || key === 'j' || key === 'k') {
        const next = list.neighbour(
          model === null ? null : keyOf(model),
          key === 'ArrowDown' || key === 'j' ? 1 : -1,
        );
        if (next !== null) choose(next, null);
      } else if (Number.isInteger(nth) && INTERVALS[nth - 1] !== undefined)
        choose(null, INTERVALS[nth - 1] ?? null);
      else if (key === 'e') {
        const newest = pointed ?? stepped ?? model?.candles.shown().at(-1)?.start;
        if (newest !== undefined) explainAt(newest);
      } else if (key === 'Escape') explain.close();
      else return false;
      return true;
    },
    drawn: () => chart.drawn(),
    show(isShown) {
      element.hidden = !isShown;
    },
  };
}

/** In a few words, what the prices of a candle are of, where it is not trades that count for everything. */
function marksOf({ sampled, price_rank: rank = 0 }: CandleRow): readonly string[] {
  if (sampled === true) return ['prices without trades'];
  return rank === 0 ? [] : [rank === 1 ? 'prices of high and low only' : 'prices of volume-only trades'];
}
