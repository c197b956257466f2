import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const DATA = resolve(import.meta.dirname, '../../shared/data');

/**
 * The recorded Binance trades in Finnhub's frames, and the windows that an independent tool computed of them.
 */
export const RECORDING = join(DATA, 'finnhub_frames_from_binance_spot.jsonl.gz');
const WINDOWS = join(DATA, 'binance_spot_windows_5s.csv');

/** False where the recorded data is not beside the project; tests on it are skipped then, and say so. */
export const hasRecording = existsSync(RECORDING);

/** What to say when a test on recorded data is skipped. */
export const NO_RECORDING = 'skipped: ../shared/data is not beside the project';

/** A candle as plain numbers, from whatever computed it. */
export interface PlainCandle {
  readonly symbol: string;
  readonly startMs: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly vwap: number;
  readonly mean: number;
  readonly count: number;
}

interface RecordedTrade {
  readonly s: string;
  readonly p: number;
  readonly t: number;
  readonly v: number;
}

interface RecordedLine {
  readonly frame: { readonly type: string; readonly data: readonly RecordedTrade[] };
}

/** The frames of the recording, a JSON text each. */
export function readFrames(): readonly string[] {
  return gunzipSync(readFileSync(RECORDING)).toString('utf8').trim().split('\n');
}

/** Writes frames as a recording. */
export function writeRecording(path: string, frames: readonly string[]): void {
  writeFileSync(path, gzipSync(`${frames.join('\n')}\n`));
}

/** The expected windows of the recording, with the feed's spelling of the symbols. */
export function readExpectedWindows(): readonly PlainCandle[] {
  return parseCsv(readFileSync(WINDOWS, 'utf8')).map((row) => ({
    ...toCandle(row),
    symbol: `BINANCE:${row.get('symbol')}`,
  }));
}

/** The candles of an exported `candles_5s.csv`. @throws {Error} If one of them is not final. */
export function readExportedCandles(csv: string): readonly PlainCandle[] {
  return parseCsv(csv).map((row) => {
    if (row.get('state') !== 'final') throw new Error(`A candle is ${row.get('state')}, not final`);
    return toCandle(row);
  });
}

/** Candles computed from frames in the plainest way: collect, sort by time keeping arrival order, look. */
export function computeCandles(frames: readonly string[]): readonly PlainCandle[] {
  const windows = new Map<string, RecordedTrade[]>();
  for (const line of frames) {
    const { frame } = JSON.parse(line) as RecordedLine;
    for (const trade of frame.data) {
      const key = `${trade.s} ${Math.floor(trade.t / 5_000) * 5_000}`;
      windows.set(key, [...(windows.get(key) ?? []), trade]);
    }
  }
  return [...windows].map(([key, arrived]) => {
    const trades = arrived.toSorted((a, b) => a.t - b.t);
    const prices = trades.map((trade) => trade.p);
    const volumeE8 = trades.reduce((sum, trade) => sum + Math.round(trade.v * 1e8), 0);
    return {
      symbol: key.slice(0, key.lastIndexOf(' ')),
      startMs: Number(key.slice(key.lastIndexOf(' ') + 1)),
      open: prices[0] ?? Number.NaN,
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1) ?? Number.NaN,
      volume: volumeE8 / 1e8,
      vwap: trades.reduce((sum, trade) => sum + trade.p * trade.v, 0) / (volumeE8 / 1e8),
      mean: prices.reduce((sum, price) => sum + price, 0) / prices.length,
      count: trades.length,
    };
  });
}

function toCandle(row: ReadonlyMap<string, string>): PlainCandle {
  const number = (name: string): number => Number(row.get(name));
  return {
    symbol: row.get('symbol') ?? '',
    startMs: number('window_start_ms'),
    open: number('open'),
    high: number('high'),
    low: number('low'),
    close: number('close'),
    volume: number('volume'),
    vwap: number('vwap'),
    mean: number('avg_price'),
    count: number('count'),
  };
}

function parseCsv(text: string): ReadonlyMap<string, string>[] {
  const [header = '', ...lines] = text.trim().split('\n');
  const names = header.trim().split(',');
  return lines.map((line) => {
    const cells = cellsOf(line.trimEnd());
    return new Map(names.map((name, n) => [name, cells[n] ?? '']));
  });
}

/** The cells of a line, some of them in quotes. */
function cellsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}
