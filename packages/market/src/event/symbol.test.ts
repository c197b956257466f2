import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatSymbols, isSymbol, parseSymbols, readSymbol } from './symbol.ts';

test.each([
  'AAPL',
  'A',
  '7203',
  'BINANCE:BTCUSDT',
  'IC MARKETS:1',
  '^GSPC',
  'EUR/USD',
  'JPY=X',
  'BRK.B',
  'OANDA:EUR_USD',
  'BTC-USD',
  'M&M.NS',
  'L&TFH.NS',
  '.BXBT',
  'WFC+',
  'WYND#',
  'ES1!',
  'aapl',
  'A,B',
  "A'B",
  '=X',
  'BINANCE:币安人生USDT',
  'Ä',
  '🚀',
  'A'.repeat(64),
  '币'.repeat(21),
])('isSymbol() is true, when a feed spells a symbol %j', (symbol) => {
  expect(isSymbol(symbol)).toBe(true);
  expect(readSymbol(symbol)).toBe(symbol);
});

test.each([
  '',
  ' ',
  'AAPL\n',
  'A\u0000',
  'A\u001b[31mB',
  'A\u202eB',
  'A\u200bB',
  'A\ud800',
  'A\ue000',
  'A\u2028B',
  'A'.repeat(65),
  '币'.repeat(22),
  null,
  undefined,
  5,
  ['AAPL'],
])('readSymbol() is null, when given %j', (value) => {
  expect(readSymbol(value)).toBeNull();
  expect(isSymbol(value)).toBe(false);
});

test.each([
  ['AAPL    ', 'AAPL'],
  ['  IC MARKETS:1', 'IC MARKETS:1'],
  ['\u3000币\u00a0', '币'],
  ['A\u0308', 'Ä'],
])('readSymbol() of %j is %j, and only that is one', (value, symbol) => {
  expect(readSymbol(value)).toBe(symbol);
  expect(isSymbol(value)).toBe(false);
  expect(isSymbol(symbol)).toBe(true);
});

/** Texts in which everything that matters is common. */
const texts = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...'AZaz09^.:=-_/&+#! ,[]"\''.split('')) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('币', 'é', 'e\u0301', '\u00a0', '\n', '\u0007', '\u202e', '\ufeff'),
    },
  ),
  { maxLength: 40 },
);

test('readSymbol() agrees with a look at each character, when the text is any', () => {
  const isAllowed = (character: string): boolean =>
    /[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\p{Cn}]/u.test(character);
  fc.assert(
    fc.property(texts, (parts) => {
      const text = parts.join('');
      const composed = text.normalize('NFC').replace(/^\s+|\s+$/gu, '');
      const bytes = Buffer.byteLength(composed);
      const fits = Array.from(text).every(isAllowed) && bytes >= 1 && bytes <= 64;
      expect(readSymbol(text)).toBe(fits ? composed : null);
    }),
    { numRuns: 3_000 },
  );
});

test('readSymbol() of a symbol is that symbol, whatever text it was made of', () => {
  fc.assert(
    fc.property(texts, (parts) => {
      const symbol = readSymbol(parts.join(''));
      if (symbol !== null) expect(readSymbol(symbol)).toBe(symbol);
    }),
  );
});

test('parseSymbols() gives back what formatSymbols() wrote, when the symbols are any', () => {
  const symbols = fc.array(texts.map((parts) => readSymbol(parts.join(''))));
  fc.assert(
    fc.property(symbols, (some) => {
      const list = some.filter((symbol) => symbol !== null);
      expect(parseSymbols(formatSymbols(list))).toEqual(list);
    }),
  );
  expect(formatSymbols(['AAPL', 'EUR/USD'])).toBe('AAPL,EUR/USD');
  expect(parseSymbols(' AAPL, EUR/USD,,')).toEqual(['AAPL', 'EUR/USD']);
  expect(parseSymbols('[no JSON,B]')).toEqual(['[no JSON', 'B]']);
});
