import { describe, expect, test } from 'vitest';
import { hoursOfSymbols, readMarketHours } from './market-hours.ts';

const at = (iso: string): number => Date.parse(iso);
/** 2026-11-27 is a Friday; New York is five hours behind UTC in winter, four in summer. */
const TIMES = {
  'Friday, as New York opens': at('2026-11-27T14:30:00Z'),
  'Friday, a minute before': at('2026-11-27T14:29:59Z'),
  'Friday, as New York closes': at('2026-11-27T21:00:00Z'),
  'Friday, as currencies end': at('2026-11-27T22:00:00Z'),
  Saturday: at('2026-11-28T15:00:00Z'),
  'Sunday, as currencies begin': at('2026-11-29T22:00:00Z'),
  'Monday in summer, as New York opens': at('2026-07-06T13:30:00Z'),
};
const openTimes = (symbols: readonly string[]): readonly string[] =>
  Object.entries(TIMES).flatMap(([name, wallMs]) => (hoursOfSymbols(symbols).isOpen(wallMs) ? [name] : []));

const STOCKS = ['Friday, as New York opens', 'Monday in summer, as New York opens'];
const CURRENCIES = [
  'Friday, as New York opens',
  'Friday, a minute before',
  'Friday, as New York closes',
  'Sunday, as currencies begin',
  'Monday in summer, as New York opens',
];

describe('hoursOfSymbols()', () => {
  test.each(['AAPL', 'BRK.B', 'BRK-B', 'F'])('knows %s for a share of New York', (symbol) => {
    expect(openTimes([symbol])).toEqual(STOCKS);
  });
  test.each(['EUR/USD', 'EURUSD=X', 'JPY=X', 'OANDA:EUR_USD', 'IC MARKETS:1'])(
    'knows %s for a currency',
    (symbol) => {
      expect(openTimes([symbol])).toEqual(CURRENCIES);
    },
  );
  test.each(['BTC-USD', 'BTC/USD', 'BINANCE:BTCUSDT', 'ETH/USDT'])('knows %s for a coin', (symbol) => {
    expect(openTimes([symbol])).toEqual(Object.keys(TIMES));
    expect(openTimes(['AAPL', symbol])).toEqual(Object.keys(TIMES));
  });
  test.each(['VOD.L', '^GSPC', 'ES=F', '7203.T', 'lower'])('expects nothing of %s', (symbol) => {
    expect(openTimes([symbol])).toEqual([]);
  });
  test('is open when one of its markets is', () => {
    expect(openTimes(['AAPL', 'EUR/USD', 'VOD.L'])).toEqual(CURRENCIES);
    expect(openTimes([])).toEqual([]);
  });
});

describe('readMarketHours()', () => {
  test('reads a week of a zone', () => {
    const london = readMarketHours('Mon-Fri 08:00-16:30 Europe/London');
    expect(london?.isOpen(at('2026-11-27T08:00:00Z'))).toBe(true);
    expect(london?.isOpen(at('2026-11-27T16:30:00Z'))).toBe(false);
    expect(london?.isOpen(at('2026-07-06T07:00:00Z'))).toBe(true);
    expect(readMarketHours('Mon-Sun 00:00-24:00 UTC')?.isOpen(at('2026-11-29T23:59:59Z'))).toBe(true);
  });
  test('reads always and never', () => {
    expect(readMarketHours('always')?.isOpen(0)).toBe(true);
    expect(readMarketHours('never')?.isOpen(0)).toBe(false);
  });
  test.each([
    '',
    'sometimes',
    'Mon-Fri',
    'Mon-Fri 09:30-16:00',
    'Mon-Fri 16:00-09:30 UTC',
    'Mon-Fri 09:61-16:00 UTC',
    'Mon-Fri 09:30-16:61 UTC',
    'Mon-Fri 09:30-24:30 UTC',
    'Fri-Mon 09:30-16:00 UTC',
    'Xyz-Fri 09:30-16:00 UTC',
    'Mon-Fri 09:30-16:00 Mars/Olympus',
  ])('takes %j for none', (text) => {
    expect(readMarketHours(text)).toBeNull();
  });
});
