import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSymbol } from '@kandle/market/event/symbol';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type PlainCandle, readExportedCandles, writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-numbers-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface ExpectedWindow {
  readonly symbol: string;
  readonly window_start_ms: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  /** Null of prices without a trade. */
  readonly vwap: string | null;
  readonly avg_price: string;
  readonly count: number;
}

function linesOf(name: string): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'trials', `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n');
}

/**
 * The right windows of a recording, which were computed apart, in decimals: each number is the double nearest
 * to it.
 */
function windowsOf(name: string): readonly PlainCandle[] {
  const text = readFileSync(join(import.meta.dirname, 'trials', `${name}.expected.json`), 'utf8');
  const { windows } = JSON.parse(text) as { readonly windows: readonly ExpectedWindow[] };
  return windows.map((window) => ({
    // Blanks around a symbol are no part of it.
    symbol: window.symbol.trim(),
    startMs: window.window_start_ms,
    open: Number(window.open),
    high: Number(window.high),
    low: Number(window.low),
    close: Number(window.close),
    volume: Number(window.volume),
    vwap: Number(window.vwap ?? Number.NaN),
    mean: Number(window.avg_price),
    count: window.count,
  }));
}

function sorted(candles: readonly PlainCandle[]): readonly PlainCandle[] {
  const keyOf = ({ symbol, startMs }: PlainCandle): string => `${symbol} ${startMs}`;
  return candles.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** A symbol of each recording apart from the others': two of them have BTCUSDT. */
const TAKEN = [
  'l01_negative_oil',
  'e02_only_unicode',
  'y01_padded_symbol',
  'm01_forex_v0',
  'n01_contingent_trade',
] as const;
const ODD = ['币安,"a"', "=M&M'.NS", '[x]', 'WYND#|ß'];
/** Any printable text, as a feed may spell it, by the symbol that it is. */
const ANY_TEXT = fc.string({ unit: 'binary', minLength: 1, maxLength: 15 });
const SPELLED = new Map(
  [...ODD, ...fc.sample(ANY_TEXT, { seed: 7, numRuns: 300 })].flatMap((text) => {
    const symbol = readSymbol(text);
    return symbol === null ? [] : [[symbol, text] as const];
  }),
);

test('the pipeline takes what vendors list and price, to the last bit, and refuses what it could not keep exactly', async () => {
  expect(SPELLED.size).toBeGreaterThan(100);
  const odd = [...SPELLED.values()].map((text, n) => {
    const trade = { s: text, p: 1.5, t: 1_764_167_400_100 + n, v: 2, c: null };
    return JSON.stringify({ recv_ms: 1_764_167_400_080, frame: { type: 'trade', data: [trade] } });
  });
  const lines = [...TAKEN.flatMap(linesOf), ...odd, ...linesOf('f01_tiny_prices')];
  const file = join(folder, 'taken.jsonl.gz');
  writeRecording(file, lines);
  const { candles, rejects, deadLetters } = await runReplay(file);
  expect(deadLetters).toBe(0);
  expect(rejects).toEqual(linesOf('f01_tiny_prices').map(() => 'too_many_decimals'));
  const oddWindows = [...SPELLED.keys()].map((symbol) => ({
    symbol,
    startMs: 1_764_167_400_000,
    open: 1.5,
    high: 1.5,
    low: 1.5,
    close: 1.5,
    volume: 2,
    vwap: 1.5,
    mean: 1.5,
    count: 1,
  }));
  expect(sorted(readExportedCandles(candles))).toEqual(sorted([...TAKEN.flatMap(windowsOf), ...oddWindows]));
  // Candles of price updates say that they are, and no other does.
  const marked = candles.split('\n').filter((line) => line.endsWith(',true,3'));
  expect(marked.map((line) => line.split(',')[1])).toEqual(['OANDA:EUR_USD', 'OANDA:EUR_USD']);
});

test('the VWAP of one trade is its price, to the last bit', async () => {
  const file = join(folder, 'vwap.jsonl.gz');
  writeRecording(file, linesOf('g01_vwap_of_one_price'));
  const { candles } = await runReplay(file);
  expect(sorted(readExportedCandles(candles))).toEqual(sorted(windowsOf('g01_vwap_of_one_price')));
});
