import type { CandleRow, Series, SymbolRow } from '../api.ts';

/** What the list shows of a series. */
export interface SymbolLine extends Series {
  readonly key: string;
  /** Newest price, and when it was. */
  readonly price: number;
  readonly timeMs: number;
  /** Closes of the last hour's minutes, oldest first; of quarters of a minute while there are few of these. */
  readonly closes: readonly number[];
  /** Against the close of the oldest minute; null while there is one only. */
  readonly change: number | null;
  /** Start of that minute. */
  readonly sinceMs: number;
  /** Other feeds have a symbol of this name. */
  readonly isOneOfMany: boolean;
}

/** The newest of every series, from lists and streams in any order. */
export interface SymbolBoard {
  takeList(rows: readonly SymbolRow[]): void;
  /** Candles of a minute or less, over or running. @returns How many minutes are known. */
  takeCandles(series: Series, rows: readonly CandleRow[], periodMs: number): number;
  /** Start and newest price of a candle as streamed. */
  takeClose(
    series: Series,
    candle: { readonly start: number; readonly close: number },
    periodMs: number,
  ): void;
  /** The same object until something of it is another one. */
  line(key: string): SymbolLine | undefined;
  /** By feed and symbol; last those that have long been quiet. @param nowMs Wall clock. */
  lines(nowMs: number): readonly SymbolLine[];
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const QUARTER_MS = 15_000;
/** Of a market that is younger, minutes would draw a corner or two. */
export const FEW_MINUTES = 15;
/** Without a trade for this long a symbol stands last; long enough that a thin one does not jump to and fro. */
const LONG_QUIET_MS = 600_000;

interface Close {
  readonly close: number;
  readonly atMs: number;
}

interface Entry extends Series {
  readonly key: string;
  price: number;
  timeMs: number;
  readonly minutes: Map<number, Close>;
  /** Empty once there are minutes enough. */
  readonly quarters: Map<number, Close>;
  isOneOfMany: boolean;
  /** Null when it is to be made anew. */
  line: SymbolLine | null;
}

/** What names a series. */
export function keyOf({ feed, symbol }: Series): string {
  return `${feed} ${symbol}`;
}

/** An empty board. */
export function createSymbolBoard(): SymbolBoard {
  const entries = new Map<string, Entry>();
  const bySymbol = new Map<string, readonly Entry[]>();
  let sorted: readonly Entry[] | null = [];

  function entryOf({ feed, symbol }: Series): Entry {
    const key = keyOf({ feed, symbol });
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      key,
      feed,
      symbol,
      price: Number.NaN,
      timeMs: 0,
      minutes: new Map(),
      quarters: new Map(),
      isOneOfMany: false,
      line: null,
    };
    entries.set(key, entry);
    tellNamesakes([...(bySymbol.get(symbol) ?? []), entry]);
    sorted = null;
    return entry;
  }

  function tellNamesakes(all: readonly Entry[]): void {
    for (const { symbol } of all.slice(0, 1)) bySymbol.set(symbol, all);
    if (all.length < 2) return;
    for (const one of all) {
      one.isOneOfMany = true;
      one.line = null;
    }
  }

  function takeCloseOf(entry: Entry, startMs: number, close: Close, periodMs: number): void {
    const { minutes, quarters, timeMs } = entry;
    keepNewest(minutes, startMs - (startMs % MINUTE_MS), close);
    forgetBefore(minutes, timeMs - HOUR_MS);
    if (periodMs <= QUARTER_MS) keepNewest(quarters, startMs - (startMs % QUARTER_MS), close);
    forgetBefore(quarters, minutes.size < FEW_MINUTES ? timeMs - FEW_MINUTES * MINUTE_MS : timeMs);
    entry.line = null;
  }

  function takePrice(entry: Entry, timeMs: number, price: number): void {
    entry.timeMs = timeMs;
    entry.price = price;
    entry.line = null;
  }

  return {
    takeList(rows) {
      for (const { time, price, ...series } of rows) {
        const entry = entryOf(series);
        if (time < entry.timeMs) continue;
        takePrice(entry, time, price);
        takeCloseOf(entry, time, { close: price, atMs: time }, 0);
      }
    },
    takeCandles(series, rows, periodMs) {
      const entry = entryOf(series);
      for (const { start, close } of rows)
        if (close !== null) takeCloseOf(entry, start, { close, atMs: start }, periodMs);
      return entry.minutes.size;
    },
    takeClose(series, { start, close }, periodMs) {
      const entry = entryOf(series);
      if (start >= entry.timeMs - periodMs) takePrice(entry, Math.max(entry.timeMs, start), close);
      takeCloseOf(entry, start, { close, atMs: start + periodMs }, periodMs);
    },
    line(key) {
      const entry = entries.get(key);
      return entry === undefined ? undefined : lineOf(entry);
    },
    lines(nowMs) {
      sorted ??= [...entries.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
      const isQuiet = ({ timeMs }: Entry): boolean => nowMs - timeMs > LONG_QUIET_MS;
      const quiet = sorted.filter(isQuiet);
      const inOrder = quiet.length === 0 ? sorted : [...sorted.filter((one) => !isQuiet(one)), ...quiet];
      return inOrder.map(lineOf);
    },
  };
}

function forgetBefore(closes: Map<number, Close>, untilMs: number): void {
  for (const startMs of closes.keys()) if (startMs <= untilMs) closes.delete(startMs);
}

function keepNewest(closes: Map<number, Close>, startMs: number, close: Close): void {
  if ((closes.get(startMs)?.atMs ?? 0) <= close.atMs) closes.set(startMs, close);
}

function lineOf(entry: Entry): SymbolLine {
  const { key, feed, symbol, price, timeMs, minutes, quarters, isOneOfMany } = entry;
  if (entry.line !== null) return entry.line;
  const inOrder = (closes: ReadonlyMap<number, Close>) => [...closes].toSorted(([a], [b]) => a - b);
  const hour = inOrder(minutes);
  const shown = quarters.size > hour.length ? inOrder(quarters) : hour;
  const [first] = hour;
  const change = hour.length < 2 || first === undefined ? null : price / first[1].close - 1;
  const closes = shown.map(([, { close }]) => close);
  entry.line = {
    key,
    feed,
    symbol,
    price,
    timeMs,
    closes,
    change,
    sinceMs: first?.[0] ?? timeMs,
    isOneOfMany,
  };
  return entry.line;
}
