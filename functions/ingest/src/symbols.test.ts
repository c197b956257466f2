import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from './config.ts';
import { askedSymbols, readSymbols } from './symbols.ts';

function fileOf(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-symbols-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'symbols');
  writeFileSync(file, content);
  return file;
}

const read = (env: Record<string, string>) => readSymbols(readConfig({ FINNHUB_TOKEN: 'key', ...env }));

test('readSymbols() takes each symbol once, and names what is none', () => {
  expect(read({ SYMBOLS: 'AAPL, BINANCE:BTCUSDT,\u0007bell,AAPL' })).toEqual({
    symbols: ['AAPL', 'BINANCE:BTCUSDT'],
    refused: [{ symbol: '\u0007bell', reason: 'not a symbol' }],
  });
});

test('readSymbols() reads 9,000 symbols from the lines of a file, whatever its line ends', () => {
  const many = Array.from({ length: 9_000 }, (_, n) => `EXCHANGE${n}:SYMBOL${n}`);
  const SYMBOLS_FILE = fileOf(`\uFEFF${many.join('\r\n')}\r\n\r\n`);
  expect(read({ SYMBOLS_FILE })).toEqual({ symbols: many, refused: [] });
});

test('readSymbols() refuses to start without a symbol or without its file', () => {
  expect(() => read({ SYMBOLS: '\u0007' })).toThrow(/SYMBOLS: expected symbols as the feed spells/);
  expect(() => read({ SYMBOLS_FILE: fileOf('\n') })).toThrow(/SYMBOLS_FILE: expected symbols/);
  expect(() => read({ SYMBOLS_FILE: '/nowhere/symbols' })).toThrow(/SYMBOLS_FILE.*does not exist/);
});

test('askedSymbols() leaves out the hundred-and-first of Yahoo, which would drop it without a word', () => {
  const SYMBOLS = Array.from({ length: 101 }, (_, n) => `S${n}`).join(',');
  const { symbols, refused } = askedSymbols(readConfig({ VENDOR: 'yahoo', SYMBOLS }));
  expect(symbols).toHaveLength(100);
  expect(refused).toMatchObject([{ symbol: 'S100', reason: expect.stringContaining('100 symbols') }]);
});

test('askedSymbols() asks nothing of a feed that sends what it has', () => {
  const config = readConfig({ VENDOR: 'ndjson', FEED_URL: 'tcp://127.0.0.1:1' });
  expect(askedSymbols(config)).toEqual({ symbols: [], refused: [] });
});
