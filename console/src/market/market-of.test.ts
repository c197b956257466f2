import { expect, test } from 'vitest';
import { marketOf } from './market-of.ts';

test.each([
  ['AAPL', 'Stock', null],
  ['M&M.NS', 'Stock', null],
  ['SIM:ACME', 'Stock', 'SIM'],
  ['SIM:BTC-USD', 'Crypto', 'SIM'],
  ['BINANCE:BTCUSDT', 'Crypto', 'BINANCE'],
  ['OANDA:EUR_USD', 'Forex', 'OANDA'],
  ['SIM:EUR/USD', 'Forex', 'SIM'],
  ['JPY=X', 'Forex', null],
  ['^GSPC', 'Index', null],
  ['SIM:^IDX50', 'Index', 'SIM'],
  ['IC MARKETS:1', 'Stock', 'IC MARKETS'],
] as const)('marketOf(%s) is %s', (symbol, market, place) => {
  expect(marketOf(symbol)).toEqual({ market, place });
});
