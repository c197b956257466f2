import { expect, test } from 'vitest';
import { parseFinnhubList, parseTwelveDataList } from './vendor-lists.ts';

test('parseFinnhubList() reads stocks, and the currency of pairs from their shown name', () => {
  const apple = {
    currency: 'USD',
    description: 'APPLE INC',
    displaySymbol: 'AAPL',
    figi: 'BBG000B9Y5X2',
    isin: null,
    mic: 'XNGS',
    shareClassFIGI: 'BBG001S5N8V8',
    symbol: 'AAPL',
    symbol2: '',
    type: 'Common Stock',
  };
  const known = { ticker: 'AAPL', market: 'XNGS', currency: 'USD', type: 'Common Stock', isin: '' };
  expect(parseFinnhubList('stocks', [apple, { symbol: '' }, 7])).toEqual({
    listings: [{ ...known, description: 'APPLE INC', figi: 'BBG000B9Y5X2' }],
    unreadable: 2,
  });
  const pair = { symbol: 'BINANCE:BTCUSDT', displaySymbol: 'BTC/USDT', description: 'Binance BTCUSDT' };
  expect(parseFinnhubList('crypto', [pair]).listings).toMatchObject([
    { ticker: 'BINANCE:BTCUSDT', market: 'BINANCE', currency: 'USDT', type: 'crypto' },
  ]);
});

test('parseTwelveDataList() reads stocks and pairs, and takes no sentence for an identifier', () => {
  const stock = {
    symbol: 'AAPL',
    name: 'Apple Inc.',
    currency: 'USD',
    exchange: 'NASDAQ',
    mic_code: 'XNGS',
    country: 'United States',
    type: 'Common Stock',
    figi_code: 'BBG000B9Y5X2',
    isin: 'request_access_via_add_ons',
  };
  const answer = { data: [stock], count: 1, status: 'ok' };
  expect(parseTwelveDataList('stocks', answer).listings).toEqual([
    {
      ticker: 'AAPL',
      market: 'XNGS',
      currency: 'USD',
      type: 'Common Stock',
      description: 'Apple Inc.',
      figi: 'BBG000B9Y5X2',
      isin: '',
    },
  ]);
  const pair = { symbol: 'EUR/USD', currency_base: 'Euro', currency_quote: 'US Dollar' };
  expect(parseTwelveDataList('forex', { data: [pair] }).listings).toMatchObject([
    { ticker: 'EUR/USD', currency: 'USD', description: 'Euro / US Dollar', type: 'forex' },
  ]);
});

test.each([{ error: 'API limit reached' }, null, 'x', { data: {} }])('a list of %j is refused', (answer) => {
  expect(() => parseFinnhubList('stocks', answer)).toThrow('no list');
  expect(() => parseTwelveDataList('stocks', answer)).toThrow('no list');
});
