import type { CandleRow, Series, SymbolRow } from '../api.ts';

/** What the list shows of a series. */
export interface SymbolLine extends Series {
  readonly key: string;
  /** Newest price, and when it was. */
  readonly price: number;
  readonly timeMs: number;
  /** Closes of the last hour's minutes, oldest first. */
  readonly closes: readonly number[];
  /** Against the oldest of them; null while there is one only. */
  readonly change: number | null;
}

/** The newest of every series, from lists and streams in any order. */
export interface SymbolBoard {
  takeList(rows: readonly SymbolRow[]): void;
  /** Minutes that are over or running. */
  takeMinutes(series: Series, rows: readonly CandleRow[]): void;
  /** Start and newest price of a candle as streamed. */
  takeClose(
    series: Series,
    candle: { readonly start: number; readonly close: number },
    periodMs: number,
  ): void;
  /** The same object until something of it is another one. */
  line(key: string): SymbolLine | undefined;
  /** By feed and symbol. */
  lines(): readonly SymbolLine[];
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

interface Entry extends Series {
  readonly key: string;
  price: number;
  timeMs: number;
  readonly minutes: Map<number, { readonly close: number; readonly atMs: number }>;
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
  let sorted: readonly Entry[] | null = [];

  function entryOf({ feed, symbol }: Series): Entry {
    const key = keyOf({ feed, symbol });
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry = { key, feed, symbol, price: Number.NaN, timeMs: 0, minutes: new Map(), line: null };
    entries.set(key, entry);
    sorted = null;
    return entry;
  }

  function takeMinute(entry: Entry, startMs: number, close: number, atMs: number): void {
    const minuteMs = startMs - (startMs % MINUTE_MS);
    const minute = entry.minutes.get(minuteMs);
    if (minute !== undefined && minute.atMs > atMs) return;
    entry.minutes.set(minuteMs, { close, atMs });
    entry.line = null;
    for (const old of entry.minutes.keys()) if (old <= entry.timeMs - HOUR_MS) entry.minutes.delete(old);
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
        takeMinute(entry, time, price, time);
      }
    },
    takeMinutes(series, rows) {
      const entry = entryOf(series);
      for (const { start, close } of rows) if (close !== null) takeMinute(entry, start, close, start);
    },
    takeClose(series, { start, close }, periodMs) {
      const entry = entryOf(series);
      if (start >= entry.timeMs - periodMs) takePrice(entry, Math.max(entry.timeMs, start), close);
      takeMinute(entry, start, close, start + periodMs);
    },
    line(key) {
      const entry = entries.get(key);
      return entry === undefined ? undefined : lineOf(entry);
    },
    lines() {
      sorted ??= [...entries.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
      return sorted.map(lineOf);
    },
  };
}

function lineOf(entry: Entry): SymbolLine {
  const { key, feed, symbol, price, timeMs, minutes } = entry;
  if (entry.line !== null) return entry.line;
  const closes = [...minutes].toSorted(([a], [b]) => a - b).map(([, { close }]) => close);
  const [first] = closes;
  const change = closes.length < 2 || first === undefined ? null : price / first - 1;
  entry.line = { key, feed, symbol, price, timeMs, closes, change };
  return entry.line;
}
