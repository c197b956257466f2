import { expect, test } from 'vitest';
import { createPriceOnlySymbols } from './price-only.ts';

test('a symbol without a trade is listed, and worth a word once', () => {
  const symbols = createPriceOnlySymbols();
  const words = Array.from({ length: 100 }, () => symbols.see('EUR/USD', false));
  expect(words.filter(Boolean)).toHaveLength(1);
  symbols.see('AAPL', true);
  symbols.see('MSFT', false);
  expect(symbols.all()).toEqual(['EUR/USD', 'MSFT']);
  symbols.see('MSFT', true);
  for (let n = 0; n < 100; n++) expect(symbols.see('MSFT', false)).toBe(false);
  expect(symbols.all()).toEqual(['EUR/USD']);
});
