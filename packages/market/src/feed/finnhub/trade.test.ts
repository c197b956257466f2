import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FinnhubRecord, judgeFinnhubRecord } from './trade.ts';
import { isEventTime, MAX_EVENT_TIME_MS, MIN_EVENT_TIME_MS } from '../../event/event-time.ts';
import { isSymbol } from '../../event/symbol.ts';

/** A recorded frame's entry, Finnhub API documentation, "Trades". */
const RECORD = { s: 'BINANCE:BTCUSDT', p: 75_008.34, t: 1_776_315_883_083, v: 0.000_42, c: null };

test('judgeFinnhubRecord() is a trade in 1e-8 units, when the record is a recorded one', () => {
  expect(judgeFinnhubRecord('id-1', RECORD)).toEqual({
    kind: 'trade',
    trade: {
      id: 'id-1',
      symbol: 'BINANCE:BTCUSDT',
      eventTimeMs: 1_776_315_883_083,
      priceE8: 7_500_834_000_000n,
      sizeE8: 42_000n,
    },
  });
});

/** Numbers as JSON can carry them, from nothing to beyond all bounds. */
const numbers = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: 1, max: 1e9 }).map((n) => n / 1e9),
  fc.constantFrom(1e-8, 5e-9, 4.9e-9, 1e12, 1e15, 1_000_000_000_000.001, Number.POSITIVE_INFINITY, 0, -0, -1),
);
const values = fc.oneof(numbers, fc.constantFrom(Number.NaN, null, undefined, '1.5', true, [1], {}));
const records: fc.Arbitrary<FinnhubRecord> = fc.record({
  s: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('AAPL', 'IC MARKETS:1') },
    fc.constantFrom('', 'A\n', 5, null),
  ),
  p: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(122.1, 9e-5) }, values),
  t: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: MIN_EVENT_TIME_MS, max: MAX_EVENT_TIME_MS - 1 }) },
    values,
  ),
  v: fc.oneof({ weight: 2, arbitrary: fc.constantFrom(1, 0.5) }, values),
});

/** True for a number above 0 and up to the bound. */
function isWithin(value: unknown, max: number): value is number {
  return typeof value === 'number' && value <= max && value > 0;
}

/** A number as 1e-8 units, null if it has a ninth decimal; from its shortest decimal text alone. */
function unitsOf(value: unknown): bigint | null {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  const zeros = 8 + Number(exponent) - fraction.length;
  const digits = whole + fraction;
  if (zeros >= 0) return BigInt(digits + '0'.repeat(zeros));
  const padded = digits.padStart(1 - zeros, '0');
  return /^0*$/.test(padded.slice(zeros)) ? BigInt(padded.slice(0, zeros)) : null;
}

test('judgeFinnhubRecord() gives one kind by the first fault in the order of its checks, when the record is any', () => {
  fc.assert(
    fc.property(records, (record) => {
      const { s, p, t, v } = record;
      const faults = [
        isSymbol(s) ? '' : 'bad_symbol',
        typeof t === 'number' && Number.isInteger(t) && t >= 946_684_800_000 && t < 4_102_444_800_000
          ? ''
          : 'bad_time',
        v === 0 ? 'no_trade' : '',
        isWithin(p, 1e12) ? '' : 'bad_price',
        isWithin(v, 1e15) ? '' : 'bad_size',
        isWithin(p, 1e12) && unitsOf(p) === null ? 'too_many_decimals' : '',
        isWithin(v, 1e15) && unitsOf(v) === null ? 'too_many_decimals' : '',
      ].filter((fault) => fault !== '');
      const judged = judgeFinnhubRecord('id', record);
      expect(judged.kind === 'reject' ? judged.reason : judged.kind).toBe(faults[0] ?? 'trade');
      if (judged.kind === 'trade') {
        expect(judged.trade).toEqual({
          id: 'id',
          symbol: s,
          eventTimeMs: t,
          priceE8: unitsOf(p),
          sizeE8: unitsOf(v),
        });
      }
    }),
    { numRuns: 2_000 },
  );
});

test.each<[string, object, string, string]>([
  ['the symbol is missing', { s: undefined }, 'bad_symbol', 'symbol undefined is not 1 to 64 bytes'],
  ['the symbol is a number', { s: 5 }, 'bad_symbol', 'symbol 5 is not 1 to 64 bytes'],
  [
    'the symbol is malformed',
    { s: 'A\n' },
    'bad_symbol',
    'symbol "A\\n" is not 1 to 64 bytes of printable text',
  ],
  [
    'the time is in seconds',
    { t: 1_776_315_883 },
    'bad_time',
    'time 1776315883 is not in milliseconds between 2000 and 2100',
  ],
  ['the time is text', { t: '1776315883083' }, 'bad_time', 'time "1776315883083" is not'],
  ['the time is broken', { t: 1_776_315_883_083.5 }, 'bad_time', 'time 1776315883083.5 is not'],
  ['the time is missing', { t: undefined }, 'bad_time', 'time undefined is not'],
  ['the price is 0', { p: 0 }, 'bad_price', 'price 0 is not between 1e-8 and 1e12'],
  ['the price is negative', { p: -1 }, 'bad_price', 'price -1 is not'],
  ['the price is text', { p: '1' }, 'bad_price', 'price "1" is not'],
  ['the price is null', { p: null }, 'bad_price', 'price null is not'],
  ['the price overflows a double', JSON.parse('{"p":1e309}'), 'bad_price', 'price Infinity is not'],
  ['the price is no number', { p: Number.NaN }, 'bad_price', 'price NaN is not'],
  [
    'the price has nine decimals',
    { p: 6e-9 },
    'too_many_decimals',
    'price 6e-9 has more than eight decimals',
  ],
  ['the price is a sum of doubles', { p: 0.1 + 0.2 }, 'too_many_decimals', 'price 0.30000000000000004 has'],
  ['the volume has nine decimals', { v: 1.123456789 }, 'too_many_decimals', 'volume 1.123456789 has'],
  [
    'the price of a future is beyond -1e12',
    { s: 'CL=F', p: -1e12 - 1 },
    'bad_price',
    'is not between -1e12 and 1e12',
  ],
  ['the price is beyond 1e12', { p: 1_000_000_000_000.001 }, 'bad_price', 'price 1000000000000.001 is not'],
  ['the volume is missing', { v: undefined }, 'bad_size', 'volume undefined is not between 1e-8 and 1e15'],
  ['the volume is negative', { v: -0.5 }, 'bad_size', 'volume -0.5 is not'],
  ['the volume overflows a double', JSON.parse('{"v":1e309}'), 'bad_size', 'volume Infinity is not'],
  ['the volume is beyond 1e15', { v: 1e15 + 1 }, 'bad_size', 'volume 1000000000000001 is not'],
])('judgeFinnhubRecord() rejects with reason and detail, when %s', (_, change, reason, detail) => {
  const judged = judgeFinnhubRecord('id', { ...RECORD, ...change });
  expect(judged).toMatchObject({ kind: 'reject', reason });
  expect(judged.kind === 'reject' ? judged.detail : '').toContain(detail);
});

test.each([0, -0])('judgeFinnhubRecord() sees no trade, when the volume is %d', (v) => {
  expect(judgeFinnhubRecord('id', { ...RECORD, v })).toEqual({ kind: 'no_trade' });
  expect(judgeFinnhubRecord('id', { ...RECORD, v, p: 'x' })).toEqual({ kind: 'no_trade' });
});

test.each<[string, FinnhubRecord, object]>([
  ['the price is 1e12', { p: 1e12 }, { priceE8: 10n ** 20n }],
  ['the volume is 1e15', { v: 1e15 }, { sizeE8: 10n ** 23n }],
  ['the price is 1e-8', { p: 1e-8 }, { priceE8: 1n }],
  ['the volume is 1e-8', { v: 1e-8 }, { sizeE8: 1n }],
  ['the price of a future is below 0', { s: 'CL=F', p: -37.63 }, { priceE8: -3_763_000_000n }],
  ['the price of a future is 0', { s: 'CL=F', p: 0 }, { priceE8: 0n }],
  ['the price of a future is -1e12', { s: 'CL=F', p: -1e12 }, { priceE8: -(10n ** 20n) }],
  ['the symbol is padded', { s: 'AAPL    ' }, { symbol: 'AAPL' }],
  ['the symbol is Chinese', { s: 'BINANCE:币安人生USDT' }, { symbol: 'BINANCE:币安人生USDT' }],
  ['the time is the earliest', { t: MIN_EVENT_TIME_MS }, { eventTimeMs: MIN_EVENT_TIME_MS }],
  ['the time is the latest', { t: MAX_EVENT_TIME_MS - 1 }, { eventTimeMs: MAX_EVENT_TIME_MS - 1 }],
])('judgeFinnhubRecord() takes a trade, when %s', (_, change, trade) => {
  expect(judgeFinnhubRecord('id', { ...RECORD, ...change })).toMatchObject({ kind: 'trade', trade });
});

test('judgeFinnhubRecord() keeps the detail short, when the value is long', () => {
  const judged = judgeFinnhubRecord('id', { ...RECORD, s: 'x'.repeat(10_000) });
  expect(judged.kind === 'reject' ? judged.detail.length : 0).toBeLessThan(200);
});

test('isEventTime() is from 2000 up to but not including 2100, when the value is whole milliseconds', () => {
  const edges = [MIN_EVENT_TIME_MS - 1, MIN_EVENT_TIME_MS, MAX_EVENT_TIME_MS - 1, MAX_EVENT_TIME_MS];
  expect(edges.map(isEventTime)).toEqual([false, true, true, false]);
  expect(new Date(MIN_EVENT_TIME_MS).toISOString()).toBe('2000-01-01T00:00:00.000Z');
  expect(new Date(MAX_EVENT_TIME_MS).toISOString()).toBe('2100-01-01T00:00:00.000Z');
  expect(isEventTime(String(MIN_EVENT_TIME_MS))).toBe(false);
});
