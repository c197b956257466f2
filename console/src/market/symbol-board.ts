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
  /** A 5-second candle as streamed. */
  takeCandle(series: Series, row: CandleRow, periodMs: number): void;
  line(key: string): SymbolLine | undefined;
  /** By feed and symbol. */
  lines(): readonly SymbolLine[];
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

interface Entry extends Series {
  price: number;
  timeMs: number;
  readonly minutes: Map<number, { close: number; atMs: number }>;
}

/** What names a series. */
export function keyOf({ feed, symbol }: Series): string {
  return `${feed} ${symbol}`;
}

/** An empty board. */
export function createSymbolBoard(): SymbolBoard {
  const entries = new Map<string, Entry>();

  function entryOf(series: Series): Entry {
    const key = keyOf(series);
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry = {
      feed: series.feed,
      symbol: series.symbol,
      price: Number.NaN,
      timeMs: 0,
      minutes: new Map(),
    };
    entries.set(key, entry);
    return entry;
  }

  function takeClose(entry: Entry, startMs: number, close: number, atMs: number): void {
    const minuteMs = startMs - (startMs % MINUTE_MS);
    const minute = entry.minutes.get(minuteMs);
    if (minute !== undefined && minute.atMs > atMs) return;
    entry.minutes.set(minuteMs, { close, atMs });
    for (const old of entry.minutes.keys()) if (old <= entry.timeMs - HOUR_MS) entry.minutes.delete(old);
  }

  function lineOf(key: string, { feed, symbol, price, timeMs, minutes }: Entry): SymbolLine {
    const closes = [...minutes].toSorted(([a], [b]) => a - b).map(([, { close }]) => close);
    const [first] = closes;
    const change = closes.length < 2 || first === undefined ? null : price / first - 1;
    return { key, feed, symbol, price, timeMs, closes, change };
  }

  return {
    takeList(rows) {
      for (const { time, price, ...series } of rows) {
        const entry = entryOf(series);
        if (time < entry.timeMs) continue;
        entry.timeMs = time;
        entry.price = price;
        takeClose(entry, time, price, time);
      }
    },
    takeMinutes(series, rows) {
      const entry = entryOf(series);
      for (const { start, close } of rows) if (close !== null) takeClose(entry, start, close, start);
    },
    takeCandle(series, { start, close }, periodMs) {
      if (close === null) return;
      const entry = entryOf(series);
      const endMs = start + periodMs;
      if (start >= entry.timeMs - periodMs) {
        entry.timeMs = Math.max(entry.timeMs, start);
        entry.price = close;
      }
      takeClose(entry, start, close, endMs);
    },
    line(key) {
      const entry = entries.get(key);
      return entry === undefined ? undefined : lineOf(key, entry);
    },
    lines: () =>
      [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => lineOf(key, entry)),
  };
}
