import { expect, test } from 'vitest';
import { bareStock, dayInNewYork, daysInNewYork, readTicks } from './finnhub-ticks.ts';

const T0 = 1_764_000_000_000;
const ANSWER = {
  s: 'AAPL',
  skip: 0,
  count: 2,
  t: [T0, T0 + 1],
  p: [189.5, 190],
  v: [10, 1],
  x: ['P', 'Q'],
  c: [['1', '24'], []],
};

test('readTicks() makes records as the stream has them', () => {
  expect(readTicks(ANSWER, 'AAPL')).toEqual([
    { eventTimeMs: T0, record: { s: 'AAPL', p: 189.5, t: T0, v: 10, c: ['1', '24'] } },
    { eventTimeMs: T0 + 1, record: { s: 'AAPL', p: 190, t: T0 + 1, v: 1, c: null } },
  ]);
});

test.each([
  ['another symbol', { ...ANSWER, s: 'MSFT' }],
  ['lists of different lengths', { ...ANSWER, p: [1] }],
  ['fewer than it says', { ...ANSWER, count: 3 }],
  ['seconds', { ...ANSWER, t: [1_764_000_000, 1_764_000_001] }],
  ['no lists', { s: 'AAPL', count: 0 }],
  ['nothing', null],
])('readTicks() takes it for no answer, when it has %s', (_, answer) => {
  expect(readTicks(answer, 'AAPL')).toBeNull();
});

test('bareStock() tells stocks of the USA from the rest', () => {
  expect(['AAPL', 'BRK.B', 'BINANCE:BTCUSDT', 'VOD.L1', '^GSPC', 'EUR/USD'].map(bareStock)).toEqual([
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('dayInNewYork() is the day of the market, when it is another one in UTC', () => {
  expect(dayInNewYork(Date.parse('2026-11-28T00:30:00Z'))).toBe('2026-11-27');
});

test('daysInNewYork() has every day of a stretch once, over a change of the clocks too', () => {
  const days = (from: string, to: string) => daysInNewYork(Date.parse(from), Date.parse(to));
  expect(days('2026-11-27T15:00Z', '2026-11-27T15:00Z')).toEqual(['2026-11-27']);
  // Its 8th of March has 23 hours, its 1st of November 25.
  expect(days('2026-03-07T04:59Z', '2026-03-10T04:01Z')).toEqual([
    '2026-03-06',
    '2026-03-07',
    '2026-03-08',
    '2026-03-09',
    '2026-03-10',
  ]);
  expect(days('2026-10-31T12:00Z', '2026-11-02T12:00Z')).toEqual(['2026-10-31', '2026-11-01', '2026-11-02']);
});
