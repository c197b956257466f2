import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTooManyRequests, parseYahooAnswer, readCrumb } from './poll.ts';

const quotes = (...result: readonly unknown[]) => JSON.stringify({ quoteResponse: { result, error: null } });
const AAPL = {
  symbol: 'AAPL',
  quoteType: 'EQUITY',
  priceHint: 2,
  regularMarketPrice: Math.fround(189.84),
  regularMarketTime: 1_764_000_000,
  regularMarketVolume: 17_557_274,
};
const LOOK = { s: 'AAPL', p: 189.84, t: 1_764_000_000_000, dv: 17_557_274 };

const chart = (result: unknown) => JSON.stringify({ chart: { result: [result], error: null } });
const bars = {
  timestamp: [1_764_000_000, 1_764_000_060, 1_764_000_097],
  indicators: { quote: [{ open: [1, null, 3], close: [1.5, 2.5, null], volume: [10, null, null] }] },
};

describe('parseYahooAnswer()', () => {
  test('reads the looks of an answer with quotes', () => {
    const coin = { ...AAPL, symbol: 'BTC-USD', quoteType: 'CRYPTOCURRENCY', regularMarketPrice: 94_745.08 };
    expect(parseYahooAnswer(quotes(AAPL, coin))).toEqual({
      kind: 'trade',
      // The volume of a coin is that of the last 24 hours.
      entries: [LOOK, { ...LOOK, s: 'BTC-USD', p: 94_745.08, dv: null }],
    });
  });

  test('has nothing to look at where a symbol is not traded any more', () => {
    const gone = { symbol: 'GONE', quoteType: 'NONE' };
    expect(parseYahooAnswer(quotes(gone))).toMatchObject({ kind: 'ping' });
    expect(parseYahooAnswer(quotes(gone, AAPL))).toEqual({ kind: 'trade', entries: [LOOK] });
  });

  test('reads a chart by what it says of its market, and else by its newest bar that has a close', () => {
    const { quoteType: instrumentType, ...facts } = AAPL;
    expect(parseYahooAnswer(chart({ meta: { ...facts, instrumentType }, ...bars }))).toEqual({
      kind: 'trade',
      entries: [LOOK],
    });
    expect(parseYahooAnswer(chart({ meta: { symbol: 'AAPL' }, ...bars }))).toEqual({
      kind: 'trade',
      entries: [{ s: 'AAPL', p: 2.5, t: 1_764_000_060_000, dv: null }],
    });
    const empty = { timestamp: [1], indicators: { quote: [{ close: [null] }] } };
    expect(parseYahooAnswer(chart({ meta: { symbol: 'AAPL' }, ...empty }))).toMatchObject({ kind: 'ping' });
  });

  test.each([
    ['Too Many Requests', 'bad'],
    ['<html>', 'bad'],
    ['[]', 'bad'],
    ['{}', 'bad'],
    ['{"type":1}', 'bad'],
    ['{"type":"pricing"}', 'unknown'],
    ['{"chart":null}', 'bad'],
    ['{"quoteResponse":{"result":null,"error":null}}', 'bad'],
    ['{"quoteResponse":{"result":[],"error":null}}', 'ping'],
    ['{"finance":{"result":null,"error":{"code":"Unauthorized","description":"Invalid Crumb"}}}', 'error'],
    ['{"chart":{"result":null,"error":{"code":"Not Found"}}}', 'error'],
    ['{"chart":{"result":null,"error":{}}}', 'error'],
  ])('has an answer to %s', (text, kind) => {
    expect(parseYahooAnswer(text).kind).toBe(kind);
  });

  test('leaves what is of another kind than it should be for whoever judges it', () => {
    expect(
      parseYahooAnswer(quotes({ ...AAPL, symbol: 7, regularMarketPrice: '1', regularMarketTime: 'now' })),
    ).toMatchObject({ entries: [{ s: 7, p: '1', t: 'now' }] });
    expect(parseYahooAnswer(quotes({ regularMarketPrice: null }))).toMatchObject({
      entries: [{ s: null, p: null, t: null, dv: null }],
    });
  });

  test('has an answer to whatever comes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.json().map((json) => chart(JSON.parse(json))),
        ),
        (text) => {
          expect(typeof parseYahooAnswer(text).kind).toBe('string');
        },
      ),
    );
  });
});

test.each([
  ['abcDEF12.x/', 'abcDEF12.x/'],
  ['  k3Gt.Q9/aZ1\n', 'k3Gt.Q9/aZ1'],
  ['Too Many Requests', null],
  ['Too Many Requests\r\n', null],
  ['Edge: Too Many Requests', null],
  ['', null],
  ['<html>no</html>', null],
  ['{"finance":{"result":null,"error":{"code":"Unauthorized"}}}', null],
  ['x'.repeat(65), null],
])('the crumb in %j is %j', (text, crumb) => {
  expect(readCrumb(text)).toBe(crumb);
});

test('isTooManyRequests() knows the words, whatever the status was', () => {
  expect(
    ['Too Many Requests\n', 'Edge: Too Many Requests', '{"x":"Too Many Requests"}'].map(isTooManyRequests),
  ).toEqual([true, true, false]);
});
