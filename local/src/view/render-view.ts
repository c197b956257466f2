import {
  describeAway,
  formatCount,
  formatMs,
  formatPrice,
  formatRate,
  formatSpan,
  formatUnits,
  formatVolume,
  sparkline,
} from './format.ts';
import { type Column, lineText, type Piece, type Style, tableLines } from './table.ts';
import { withoutControls } from './text-width.ts';
import {
  type AwayView,
  type FunctionView,
  isAsleep,
  type SignalView,
  type SourceView,
  type SymbolView,
  type ViewState,
} from './view-state.ts';

/** The terminal to fill. */
export interface ViewSize {
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

/** What is shown besides the run itself. */
export interface ViewChrome {
  /** Lines of the launcher, the newest last. */
  readonly notes: readonly string[];
  readonly showHelp: boolean;
  /** True where the market can be told to fall silent. */
  readonly canSilence: boolean;
}

const ROOMY_ROWS = 30;
const LAGGING_MS = 15_000;
const MAX_NOTES = 5;
const MAX_SIGNALS = 4;
const MAX_AWAY = 5;

/**
 * The lines of the live view, none longer than the terminal is wide, and at least one fewer than it is high:
 * the cursor stands below them.
 */
export function renderView(state: ViewState, chrome: ViewChrome, size: ViewSize): string[] {
  const { columns, rows } = size;
  const room = Math.max(0, rows - 1);
  const isRoomy = rows >= ROOMY_ROWS;
  const gap: readonly (readonly Piece[])[] = isRoomy ? [[]] : [];

  const head = [titleLine(state), countsLine(state), ...state.feed.away.slice(0, MAX_AWAY).map(awayLine)];
  const below = [
    ...(state.signals.length > 0 ? gap : []),
    ...state.signals.slice(0, isRoomy ? MAX_SIGNALS : 1).map(signalLine),
    ...gap,
    ...tableLines(FUNCTION_COLUMNS, state.functions, columns),
    ...gap,
    ...tableLines(SOURCE_COLUMNS, state.sources, columns),
  ];
  const foot = chrome.showHelp
    ? helpLines(chrome.canSilence)
    : [keysLine(chrome.canSilence, state.feed.status)];
  const notes = noteLines(chrome.notes, isRoomy ? MAX_NOTES : 1);
  const fixed = head.length + gap.length + below.length + notes.length + foot.length;
  const symbols = symbolLines(state, columns, Math.max(3, room - fixed));
  return [...head, ...gap, ...symbols, ...below, ...(notes.length > 0 ? gap : []), ...notes, ...foot]
    .map((line) => lineText(line, columns, size.color))
    .slice(0, room);
}

const STATUS_STYLES: Readonly<Record<ViewState['feed']['status'], Style>> = {
  trading: 'green',
  quiet: 'yellow',
  silent: 'yellow',
  'market closed': 'cyan',
  'not connected': 'red',
  ended: 'cyan',
};

function titleLine({ feed, upMs }: ViewState): readonly Piece[] {
  return [
    { text: 'Kandle', style: 'bold' },
    { text: `  ${formatSpan(upMs)}  ` },
    { text: feed.status, style: STATUS_STYLES[feed.status] },
    { text: `  ${withoutControls(feed.name)}, ${formatCount(feed.symbolCount)} symbols`, style: 'dim' },
    ...(feed.refusedCount > 0
      ? [{ text: `, ${formatCount(feed.refusedCount)} refused`, style: 'yellow' as const }]
      : []),
    ...(feed.priceOnlyCount > 0
      ? [{ text: `, ${formatCount(feed.priceOnlyCount)} without a trade`, style: 'yellow' as const }]
      : []),
  ];
}

function countsLine({ feed, candles, signalCount, rejects, deadLetters }: ViewState): readonly Piece[] {
  const of = feed.of === null ? '' : ` of ${formatCount(feed.of)}`;
  return [
    { text: `${formatCount(feed.trades)}${of} trades, ` },
    { text: `${formatRate(feed.tradesPerSecond)}/s`, style: 'bold' },
    { text: `; ${formatCount(candles)} final candles, ${formatUnits(signalCount, 'signal')}; ` },
    alarm(rejects, 'yellow', 'reject'),
    { text: ', ' },
    alarm(deadLetters, 'red', 'dead letter'),
  ];
}

function awayLine(away: AwayView): readonly Piece[] {
  return [{ text: withoutControls(describeAway(away)), style: away.refused ? 'red' : 'yellow' }];
}

function alarm(count: number, style: Style, unit?: string): Piece {
  const text = unit === undefined ? formatCount(count) : formatUnits(count, unit);
  return { text, style: count > 0 ? style : undefined };
}

function price(pick: (symbol: SymbolView) => number): (symbol: SymbolView) => Piece {
  return (symbol) => ({ text: formatPrice(pick(symbol), symbol.priceDigits) });
}

/** An average with as many decimals as its prices have. */
function indicator(pick: 'ma' | 'ema'): (symbol: SymbolView) => Piece {
  return ({ indicators, priceDigits }) => {
    const value = indicators?.[pick] ?? null;
    return value === null ? NOT_WARM : { text: formatPrice(value, priceDigits) };
  };
}

const NOT_WARM: Piece = { text: '–', style: 'dim' };
const OVERBOUGHT = 70;
const OVERSOLD = 30;

function rsi(value: number | null): Piece {
  if (value === null) return NOT_WARM;
  const style = value >= OVERBOUGHT ? 'red' : value <= OVERSOLD ? 'green' : undefined;
  return { text: value.toFixed(1), style };
}

const SIDE_STYLES = { buy: 'green', sell: 'red', neutral: 'yellow' } as const;

function signalLine({ windowStartMs, side, text, isRetracted }: SignalView): readonly Piece[] {
  return [
    { text: `${new Date(windowStartMs).toISOString().slice(11, 19)} `, style: 'dim' },
    { text: side.toUpperCase().padEnd(8), style: isRetracted ? 'dim' : SIDE_STYLES[side] },
    {
      text: `${isRetracted ? 'taken back: ' : ''}${withoutControls(text)}`,
      style: isRetracted ? 'dim' : undefined,
    },
  ];
}

const SYMBOL_COLUMNS: readonly Column<SymbolView>[] = [
  { title: 'SYMBOL', align: 'left', minWidth: 12, rank: 0, cell: ({ symbol }) => ({ text: symbol }) },
  {
    title: 'LAST',
    align: 'right',
    minWidth: 9,
    rank: 0,
    cell: (symbol) => ({ ...price(({ candle }) => candle.close)(symbol), style: 'bold' }),
  },
  { title: 'O', align: 'right', minWidth: 9, rank: 5, cell: price(({ candle }) => candle.open) },
  { title: 'H', align: 'right', minWidth: 9, rank: 4, cell: price(({ candle }) => candle.high) },
  { title: 'L', align: 'right', minWidth: 9, rank: 4, cell: price(({ candle }) => candle.low) },
  {
    title: 'C',
    align: 'right',
    minWidth: 9,
    rank: 7,
    cell: (symbol) => ({
      ...price(({ candle }) => candle.close)(symbol),
      style: symbol.candle.close >= symbol.candle.open ? 'green' : 'red',
    }),
  },
  {
    title: 'V',
    align: 'right',
    minWidth: 6,
    rank: 3,
    cell: ({ candle }) => ({ text: formatVolume(candle.volume) }),
  },
  { title: 'MA', align: 'right', minWidth: 9, rank: 2, cell: indicator('ma') },
  { title: 'EMA', align: 'right', minWidth: 9, rank: 2, cell: indicator('ema') },
  {
    title: 'RSI',
    align: 'right',
    minWidth: 5,
    rank: 1,
    cell: ({ indicators }) => rsi(indicators?.rsi ?? null),
  },
  {
    title: 'TRADES/S',
    align: 'right',
    minWidth: 8,
    rank: 1,
    cell: ({ tradesPerSecond }) => ({ text: formatRate(tradesPerSecond) }),
  },
  {
    title: 'LAG',
    align: 'right',
    minWidth: 6,
    rank: 1,
    cell: ({ lagMs }) => ({
      text: lagMs === null ? '–' : formatSpan(lagMs),
      style: (lagMs ?? 0) > LAGGING_MS ? 'yellow' : undefined,
    }),
  },
  {
    title: 'LAST MINUTE',
    align: 'left',
    minWidth: 12,
    rank: 6,
    cell: ({ candle, closes }) => ({
      text: sparkline(closes),
      style: candle.close >= (closes[0] ?? 0) ? 'green' : 'red',
    }),
  },
];

/** As many symbols as fit, and how many there are besides. */
function symbolLines(state: ViewState, columns: number, room: number): readonly (readonly Piece[])[] {
  if (state.symbols.length === 0)
    return [[{ text: 'No candle yet: the first one comes with the first trades.', style: 'dim' }]];
  const fits = state.activeSymbols <= room - 1 ? room - 1 : room - 2;
  const shown = state.symbols.slice(0, Math.max(1, fits));
  const more = state.activeSymbols - shown.length;
  const lines = tableLines(SYMBOL_COLUMNS, shown, columns);
  return more > 0 ? [...lines, [{ text: `+${formatCount(more)} more`, style: 'dim' }]] : lines;
}

const FUNCTION_COLUMNS: readonly Column<FunctionView>[] = [
  { title: 'FUNCTION', align: 'left', minWidth: 15, rank: 0, cell: ({ name }) => ({ text: name }) },
  { title: 'INSTANCES', align: 'left', minWidth: 19, rank: 0, cell: instances },
  {
    title: 'REQ/S',
    align: 'right',
    minWidth: 8,
    rank: 1,
    cell: ({ requestsPerSecond }) => ({ text: formatRate(requestsPerSecond) }),
  },
  {
    title: 'P99',
    align: 'right',
    minWidth: 7,
    rank: 2,
    cell: ({ p99Ms }) => ({ text: p99Ms === null ? '–' : formatMs(p99Ms) }),
  },
  {
    title: 'COLD STARTS',
    align: 'left',
    minWidth: 12,
    rank: 3,
    cell: ({ coldStarts, lastStartMs }) => ({
      text: `${coldStarts}${lastStartMs === null ? '' : ` (${formatMs(lastStartMs)})`}`,
    }),
  },
  {
    title: 'CRASHES',
    align: 'right',
    minWidth: 7,
    rank: 4,
    cell: ({ crashes }) => alarm(crashes, 'red'),
  },
];

function instances(one: FunctionView): Piece {
  const { ready, starting } = one;
  if (isAsleep(one)) return { text: 'asleep', style: 'dim' };
  const parts = [ready > 0 ? `${ready} ready` : '', starting > 0 ? `${starting} starting` : ''];
  return { text: parts.filter((part) => part !== '').join(', '), style: starting > 0 ? 'yellow' : 'green' };
}

const SOURCE_COLUMNS: readonly Column<SourceView>[] = [
  { title: 'SOURCE', align: 'left', minWidth: 15, rank: 0, cell: ({ name }) => ({ text: name }) },
  {
    title: 'EVENTS/S',
    align: 'right',
    minWidth: 8,
    rank: 0,
    cell: ({ eventsPerSecond }) => ({ text: formatRate(eventsPerSecond) }),
  },
  {
    title: 'LAG',
    align: 'right',
    minWidth: 9,
    rank: 0,
    cell: ({ lag }) => ({ text: lag === null ? '–' : formatCount(lag) }),
  },
  { title: 'RETRIES', align: 'right', minWidth: 7, rank: 1, cell: ({ retries }) => alarm(retries, 'yellow') },
  {
    title: 'DEAD LETTERS',
    align: 'right',
    minWidth: 12,
    rank: 2,
    cell: ({ deadLettered }) => alarm(deadLettered, 'red'),
  },
  { title: 'DROPPED', align: 'right', minWidth: 7, rank: 3, cell: ({ dropped }) => alarm(dropped, 'red') },
];

function noteLines(notes: readonly string[], most: number): readonly (readonly Piece[])[] {
  return notes.slice(-most).map((note) => [{ text: withoutControls(note), style: 'cyan' }]);
}

function keysLine(canSilence: boolean, status: ViewState['feed']['status']): readonly Piece[] {
  const silence: readonly Piece[] = canSilence
    ? [
        { text: 's', style: 'bold' },
        { text: status === 'silent' ? ' wake the market  ' : ' silence the market  ' },
      ]
    : [];
  return [
    ...silence,
    { text: 'q', style: 'bold' },
    { text: ' quit  ' },
    { text: '?', style: 'bold' },
    { text: ' help' },
  ];
}

function helpLines(canSilence: boolean): readonly (readonly Piece[])[] {
  const lines = [
    'LAST, O H L C V: the newest 5-second candle; TRADES/S: over the last 10 s.',
    'MA, EMA, RSI: over the last windows, once there are enough; below: the newest signals, UTC.',
    'LAG of a symbol: time since the end of its newest candle, 0 while that one is running.',
    'LAG of a source: events in its topic that are not settled yet.',
    'COLD STARTS: times a process was started by an event, and how long the last took.',
    canSilence
      ? 's: the market falls silent, or trades again; without events the functions go to sleep.'
      : 'Without events the functions go to sleep.',
    'q or Ctrl-C: stop everything; ? closes this help.',
  ];
  return lines.map((text) => [{ text }]);
}
