import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSymbol } from './symbol.ts';

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
  'A'.repeat(64),
])('isSymbol() is true, when a feed spells a symbol %j', (symbol) => {
  expect(isSymbol(symbol)).toBe(true);
});

test.each([
  '',
  ' AAPL',
  'aapl',
  'AAPL\n',
  'A\u0000',
  'A,B',
  "A'B",
  'Ä',
  '-A',
  '=X',
  'A'.repeat(65),
  null,
  undefined,
  5,
  ['AAPL'],
])('isSymbol() is false, when given %j', (value) => {
  expect(isSymbol(value)).toBe(false);
});

test('isSymbol() agrees with a look at each character, when the text is any', () => {
  const begin = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789^';
  const inside = `${begin}abcdefghijklmnopqrstuvwxyz ./:_=-`;
  const characters = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...inside.split('')) },
    fc.string({ maxLength: 1 }),
  );
  fc.assert(
    fc.property(fc.array(characters, { maxLength: 70 }), (parts) => {
      const text = parts.join('');
      const fits = text
        .split('')
        .every((character, index) => (index === 0 ? begin : inside).includes(character));
      expect(isSymbol(text)).toBe(fits && text.length >= 1 && text.length <= 64);
    }),
  );
});
