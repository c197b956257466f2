import { ApiError, type Series } from '../api.ts';
import { atMostEvery, h, oncePerFrame } from '../dom.ts';
import type { TimeTexts } from '../format.ts';
import type { StreamState } from '../live-stream.ts';
import type { View } from '../view.ts';
import { createChartStage } from './chart-stage.ts';
import { createExplainPanel } from './explain-panel.ts';
import { type Interval, INTERVALS, SHORTEST } from './intervals.ts';
import { LINE_GROUPS } from './lines.ts';
import { createMarketSource } from './market-source.ts';
import { createSeriesModel, type SeriesModel } from './series-model.ts';
import { type LineId, readShownLines } from './shown-lines.ts';
import { createSignalList } from './signal-list.ts';
import { createSymbolBoard, keyOf } from './symbol-board.ts';
import { createSymbolList } from './symbol-list.ts';
import { createToolbar } from './toolbar.ts';

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
/** Most candles that are read again. */
const LOOKED_AT = 1_000;
/** Candles before those in sight that are read again with them: they may have been written late. */
const BEFORE_SIGHT = 24;
const ROLLUPS_EVERY_MS = 3_000;

/** Builds the view: which series is on the stage, and when what is read and drawn. */
export function createMarketView(firstTexts: TimeTexts, events: MarketEvents): MarketView {
  let texts = firstTexts;
  let interval: Interval = SHORTEST;
  let model: SeriesModel | null = null;
  /** What the address asks for before any list has told of it. */
  let wished: Series | null = null;
  let isReadingOlder = false;
  /** The model was read around now: nobody had told yet when its symbol traded last. */
  let isGuess = false;

  const shown = readShownLines();
  const board = createSymbolBoard();
  const list = createSymbolList((series) => choose(series, null));
  const toolbar = createToolbar(shown, {
    onList: () => element.classList.toggle('list-open'),
    onInterval: (next) => choose(null, next),
    onLine: toggle,
  });
  const stage = createChartStage(texts, shown, { onPick: explainAt, onNearBeginning: readOlder });
  const signalList = createSignalList();
  const explain = createExplainPanel();
  const element = h(
    'section',
    { class: 'market', 'aria-label': 'Market' },
    list.element,
    h('div', { class: 'stage' }, toolbar.element, stage.element, signalList.element),
    explain.element,
  );
  const source = createMarketSource(board, {
    onBoard() {
      drawList();
      loadWhenKnown();
    },
    onRows(kind, rows) {
      if (model?.takeStreamed(kind, rows) === true) draw();
    },
    // What came before the stream's beginning, and what it may have missed, stands in the lists.
    onBegin: () => void attempt(() => lookAgain((own, from, to) => own.reloadAll(from, to))),
    onState: events.onStream,
  });

  const draw = oncePerFrame(() => {
    if (model === null || element.hidden) return;
    stage.draw();
    signalList.render(model.signals(), model.symbol, texts);
    drawQuote();
  });

  const drawList = atMostEvery(LIST_DRAWN_MS, () => {
    if (element.hidden) return;
    const nowMs = Date.now();
    list.render(board.lines(nowMs), model === null ? null : keyOf(model), nowMs);
    drawQuote();
  });

  function drawQuote(): void {
    if (model !== null) toolbar.showQuote(model, board.line(keyOf(model)), stage.digits());
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
    toolbar.showInterval(interval);
    if (target === null || isSame) return;
    element.classList.remove('list-open');
    const own = createSeriesModel(target, interval);
    model = own;
    stage.take(own);
    explain.close();
    events.onChoice(own, interval);
    void attempt(async () => {
      // Nothing is read of the lines here: they are read with the candles.
      await own.loadLines(shown.kinds());
      await load(own);
    });
    drawList();
    source.listen(own);
  }

  async function load(own: SeriesModel): Promise<void> {
    const timeMs = board.line(keyOf(own))?.timeMs ?? 0;
    isGuess = timeMs === 0;
    try {
      await own.load(isGuess ? Date.now() : timeMs);
    } catch (error) {
      // A symbol may be streamed before the server knows it: it is asked again with the next row.
      if (model === own) isGuess = true;
      throw error;
    }
    if (model !== own) return;
    stage.begin();
    draw();
  }

  /** A recording is of another day: its first candles stand in the lists, for they came before we listened. */
  function loadWhenKnown(): void {
    const own = model;
    if (own === null || !isGuess || (board.line(keyOf(own))?.timeMs ?? 0) === 0) return;
    isGuess = false;
    void attempt(() => load(own));
  }

  async function readList(): Promise<void> {
    await source.readList();
    const [first] = board.lines(Date.now());
    if (model === null && first !== undefined) {
      const known = wished === null ? undefined : board.line(keyOf(wished));
      choose(known ?? first, null);
    }
    // There may be too many symbols now for a stream of all.
    if (model !== null) source.listen(model);
  }

  /** Reads what is in sight again, and what is newer. */
  async function lookAgain(
    read: (own: SeriesModel, from: number, to: number) => Promise<void>,
  ): Promise<void> {
    const own = model;
    if (own === null) return;
    const newest = own.candles.shown().at(-1)?.start ?? Date.now();
    const first = (stage.firstInSight() ?? 0) - BEFORE_SIGHT * own.interval.periodMs;
    const from = Math.max(0, first, newest - LOOKED_AT * own.interval.periodMs);
    await read(own, from, newest + 3_600_000 + own.interval.periodMs);
    if (model === own) draw();
  }

  async function lookAtRollups(): Promise<void> {
    const own = model;
    const dirty = own?.takeDirty(Date.now()) ?? null;
    if (own === null || dirty === null) return;
    await own.reload(dirty.fromMs, dirty.toMs);
    if (model === own) draw();
  }

  function readOlder(): void {
    const own = model;
    if (own === null || isReadingOlder) return;
    isReadingOlder = true;
    void attempt(async () => {
      if (await own.loadOlder()) draw();
    }).finally(() => {
      isReadingOlder = false;
    });
  }

  function toggle(id: LineId): void {
    const isShown = shown.toggle(id);
    toolbar.showLine(id, isShown);
    stage.showLine(id, isShown);
    const own = model;
    const kinds = LINE_GROUPS.find((group) => group.id === id)?.kinds ?? [];
    if (!isShown || own === null) return;
    void attempt(async () => {
      await own.loadLines(kinds);
      draw();
    });
  }

  function explainAt(start: number): void {
    if (model === null) return;
    if (interval.name === SHORTEST.name) void explain.open(model, start, texts, stage.digits());
    else choose(null, SHORTEST);
  }

  const every = (ms: number, run: () => Promise<void>) =>
    setInterval(() => {
      if (!document.hidden) void attempt(run);
    }, ms);
  every(LIST_EVERY_MS, readList);
  every(LOOK_AGAIN_MS, () => lookAgain((own, from, to) => own.reload(from, to)));
  every(ROLLUPS_EVERY_MS, lookAtRollups);
  // A symbol becomes quiet by the clock alone.
  setInterval(drawList, 1_000);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void attempt(readList);
  });
  void attempt(readList);

  return {
    element,
    choose,
    repaint(next) {
      texts = next;
      stage.repaint(texts);
      draw();
    },
    press(key) {
      const nth = INTERVALS[Number(key) - 1];
      if (key === '/') list.focusFilter();
      else if (key === 'ArrowDown' || key === 'ArrowUp' || key === 'j' || key === 'k') {
        const step = key === 'ArrowDown' || key === 'j' ? 1 : -1;
        const next = list.neighbour(model === null ? null : keyOf(model), step);
        if (next !== null) choose(next, null);
      } else if (nth !== undefined) choose(null, nth);
      else if (key === 'e') {
        const start = stage.chosen();
        if (start !== null) explainAt(start);
      } else if (key === 'Escape') explain.close();
      else return false;
      return true;
    },
    drawn: () => stage.drawn(),
    show(isShown) {
      element.hidden = !isShown;
      if (!isShown) return;
      draw();
      drawList();
    },
  };
}
