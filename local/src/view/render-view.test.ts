import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { renderView, type ViewChrome } from './render-view.ts';
import { textWidth } from './text-width.ts';
import type { FunctionView, SourceView, SymbolView, ViewState } from './view-state.ts';

const symbol = (changes: Partial<SymbolView> = {}): SymbolView => ({
  symbol: 'SIM:ACME',
  candle: { open: 184.2, high: 184.31, low: 183.9, close: 184, volume: 12_345 },
  priceDigits: 2,
  tradesPerSecond: 12.34,
  lagMs: 0,
  closes: [184.2, 184.3, 184],
  indicators: { ma: 184.123, ema: 184.1, rsi: 71.26 },
  ...changes,
});

const fn = (changes: Partial<FunctionView> = {}): FunctionView => ({
  name: 'aggregate',
  ready: 1,
  starting: 0,
  requestsPerSecond: 36.4,
  p99Ms: 12.3,
  coldStarts: 2,
  lastStartMs: 280,
  crashes: 0,
  ...changes,
});

const source = (changes: Partial<SourceView> = {}): SourceView => ({
  topic: 'market.raw.v1',
  sink: 'persist',
  name: 'persist-trades',
  eventsPerSecond: 36,
  lag: 7,
  retries: 0,
  deadLettered: 0,
  dropped: 0,
  ...changes,
});

const state = (changes: Partial<ViewState> = {}): ViewState => ({
  upMs: 65_000,
  feed: {
    name: 'a simulated market',
    status: 'trading',
    away: [],
    trades: 12_345,
    of: null,
    tradesPerSecond: 201,
    symbolCount: 10,
    refusedCount: 0,
    priceOnlyCount: 0,
  },
  candles: 130,
  signals: [
    {
      windowStartMs: Date.UTC(2026, 10, 25, 9, 0, 5),
      side: 'sell',
      text: 'SIM:ACME is overbought.',
      isRetracted: false,
    },
    {
      windowStartMs: Date.UTC(2026, 10, 25, 9),
      side: 'buy',
      text: 'SIM:X is oversold.',
      isRetracted: true,
    },
  ],
  signalCount: 7,
  rejects: 0,
  deadLetters: 0,
  symbols: [
    symbol(),
    symbol({ symbol: 'SIM:BTC-USD', tradesPerSecond: 0.4, lagMs: 72_000, indicators: null }),
  ],
  activeSymbols: 2,
  functions: [fn({ name: 'transform' }), fn(), fn({ name: 'persist', ready: 0, p99Ms: null })],
  sources: [source(), source({ name: 'aggregate', lag: null })],
  ...changes,
});

const chrome = (changes: Partial<ViewChrome> = {}): ViewChrome => ({
  notes: ['12:00:01 persist is asleep (idle 30 s)'],
  showHelp: false,
  canSilence: true,
  ...changes,
});

const wide = { columns: 120, rows: 40, color: false };

describe('renderView()', () => {
  test('says how many symbols do not come, and how many come without a trade', () => {
    const feed = { ...state().feed, refusedCount: 3, priceOnlyCount: 1 };
    expect(renderView(state({ feed }), chrome(), wide)[0]).toBe(
      'Kandle  1m 05s  trading  a simulated market, 10 symbols, 3 refused, 1 without a trade',
    );
  });

  test('has a line for each symbol, function and source', () => {
    expect(renderView(state(), chrome(), wide)).toEqual([
      'Kandle  1m 05s  trading  a simulated market, 10 symbols',
      '12,345 trades, 201/s; 130 final candles, 7 signals; 0 rejects, 0 dead letters',
      '',
      'SYMBOL             LAST          O          H          L       V         MA        EMA    RSI  TRADES/S     LAG',
      'SIM:ACME         184.00     184.20     184.31     183.90   12.3K     184.12     184.10   71.3        12     0 s',
      'SIM:BTC-USD      184.00     184.20     184.31     183.90   12.3K          –          –      –       0.4  1m 12s',
      '',
      '09:00:05 SELL    SIM:ACME is overbought.',
      '09:00:00 BUY     taken back: SIM:X is oversold.',
      '',
      'FUNCTION         INSTANCES               REQ/S      P99  COLD STARTS   CRASHES',
      'transform        1 ready                    36    12 ms  2 (280 ms)          0',
      'aggregate        1 ready                    36    12 ms  2 (280 ms)          0',
      'persist          asleep                     36        –  2 (280 ms)          0',
      '',
      'SOURCE           EVENTS/S        LAG  RETRIES  DEAD LETTERS  DROPPED',
      'persist-trades         36          7        0             0        0',
      'aggregate              36          –        0             0        0',
      '',
      '12:00:01 persist is asleep (idle 30 s)',
      's silence the market  q quit  ? help',
    ]);
  });

  test('shows as many symbols as fit, and how many there are besides', () => {
    const symbols = Array.from({ length: 200 }, (_, n) => symbol({ symbol: `SIM:X${n}` }));
    const lines = renderView(state({ symbols, activeSymbols: 5_000 }), chrome(), { ...wide, rows: 24 });
    expect(lines).toHaveLength(23);
    const shown = lines.filter((line) => line.startsWith('SIM:')).length;
    expect(shown).toBeGreaterThanOrEqual(7);
    expect(lines).toContain(`+${(5_000 - shown).toLocaleString('en')} more`);
  });

  test('says "+1 more" only where there is no room for that one', () => {
    const lines = (count: number) =>
      renderView(
        state({
          symbols: Array.from({ length: count }, (_, n) => symbol({ symbol: `SIM:X${n}` })),
          activeSymbols: count,
        }),
        chrome(),
        { ...wide, rows: 24 },
      );
    for (let count = 1; count < 30; count++) {
      expect(lines(count).length).toBeLessThanOrEqual(23);
      expect(lines(count)).not.toContain('+1 more');
    }
  });

  test('leaves out what is less important where the terminal is narrow', () => {
    const titles = (columns: number) =>
      renderView(state(), chrome(), { ...wide, columns })[3]
        ?.trim()
        .split(/ {2,}/);
    expect(titles(80)).toEqual(['SYMBOL', 'LAST', 'V', 'MA', 'EMA', 'RSI', 'TRADES/S', 'LAG']);
    expect(titles(40)).toEqual(['SYMBOL', 'LAST', 'LAG']);
  });

  test('paints with colours only if it is to', () => {
    const plain = renderView(state(), chrome(), wide);
    const painted = renderView(state(), chrome(), { ...wide, color: true });
    expect(plain.map(stripVTControlCharacters)).toEqual(plain);
    expect(painted).not.toEqual(plain);
    expect(painted.map(stripVTControlCharacters)).toEqual(plain);
  });

  test('has help, a wake-up key while the market is silent, and no such key for a real one', () => {
    const silent = state({ feed: { ...state().feed, status: 'silent' } });
    expect(renderView(silent, chrome(), wide).at(-1)).toContain('wake the market');
    expect(renderView(silent, chrome({ canSilence: false }), wide).at(-1)).toBe('q quit  ? help');
    expect(renderView(state(), chrome({ showHelp: true }), wide).join('\n')).toContain('LAG of a symbol');
  });

  test('shows until when a feed is away or refused, and its words', () => {
    const untilMs = Date.UTC(2026, 10, 29, 10, 3, 12);
    const away = [
      { feed: 'yahoo', refused: true, reason: 'too many requests', untilMs },
      { feed: 'tcp', refused: false, reason: 'ECONNREFUSED', untilMs },
    ];
    const lines = renderView(state({ feed: { ...state().feed, away } }), chrome(), wide);
    expect(lines.slice(2, 4)).toEqual([
      'yahoo refused until 10:03:12 (too many requests)',
      'tcp away until 10:03:12 (ECONNREFUSED)',
    ]);
  });

  test('says so when there is no candle yet', () => {
    const lines = renderView(state({ symbols: [], activeSymbols: 0 }), chrome(), wide);
    expect(lines.some((line) => line.startsWith('No candle yet'))).toBe(true);
  });

  test('is never wider or higher than the terminal, whatever the names and numbers', () => {
    const texts = fc.string({
      unit: fc.constantFrom('a', 'B', ' ', '東', '📈', 'e\u0301', '\u001B[2J', '\n', '\t'),
      maxLength: 80,
    });
    const numbers = fc.double({ min: 0, max: 1e15, noNaN: true });
    const states = fc.record({
      name: texts,
      symbols: fc.array(
        fc.record({
          close: numbers,
          volume: numbers,
          digits: fc.nat(8),
          lagMs: numbers,
          closes: fc.array(numbers, { minLength: 1, maxLength: 12 }),
        }),
        { maxLength: 50 },
      ),
      functions: fc.array(fc.record({ ready: fc.nat(3), starting: fc.nat(3), coldStarts: fc.nat() }), {
        maxLength: 6,
      }),
      notes: fc.array(texts, { maxLength: 8 }),
      more: fc.nat(5_000),
      showHelp: fc.boolean(),
      color: fc.boolean(),
      columns: fc.integer({ min: 1, max: 200 }),
      rows: fc.integer({ min: 1, max: 60 }),
    });
    fc.assert(
      fc.property(states, ({ name, symbols, functions, notes, more, showHelp, color, columns, rows }) => {
        const lines = renderView(
          state({
            feed: { ...state().feed, name },
            symbols: symbols.map(({ close, volume, digits, lagMs, closes }) =>
              symbol({
                candle: { open: 1, high: close, low: 0, close, volume },
                priceDigits: digits,
                lagMs,
                closes,
              }),
            ),
            activeSymbols: symbols.length + more,
            functions: functions.map(fn),
          }),
          chrome({ notes, showHelp }),
          { columns, rows, color },
        );
        expect(lines.length).toBeLessThanOrEqual(rows - 1);
        for (const line of lines) {
          const text = stripVTControlCharacters(line);
          expect(textWidth(text)).toBeLessThanOrEqual(columns);
          // oxlint-disable-next-line no-control-regex
          expect(text).not.toMatch(/[\u0000-\u001F]/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
