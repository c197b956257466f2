import { cleanBatch } from '@kandle/market/trade/clean-trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeRecord, type JudgedTrade } from './judge.ts';

const TIME = 1_764_000_000_000;
const GOOD = { s: 'AAPL', p: 150.25, t: TIME, v: 0.5 };

test('judgeRecord() counts a trade, in units of 1e-8', () => {
  expect(judgeRecord(GOOD, 0)).toEqual({
    symbol: 'AAPL',
    eventTimeMs: TIME,
    priceE8: 15_025_000_000n,
    sizeE8: 50_000_000n,
    rank: 0,
    conditions: '',
  });
});

test.each([
  ['bad_symbol', { s: 'A\u001bB' }],
  ['bad_symbol', { s: '  ' }],
  ['bad_symbol', { s: '币'.repeat(22) }],
  ['bad_symbol', { s: 5 }],
  ['bad_symbol', { s: `A${'x'.repeat(64)}` }],
  ['bad_time', { t: 1_764_000_000 }],
  ['bad_time', { t: TIME + 0.5 }],
  ['bad_time', { t: 4_102_444_800_000 }],
  ['no_trade', { v: 0 }],
  ['no_trade', { v: 0, p: -1 }],
  ['bad_price', { p: 0 }],
  ['too_many_decimals', { p: 4e-9 }],
  ['too_many_decimals', { v: 1.123456789 }],
  ['bad_price', { s: 'CL=F', p: -1.1e12 }],
  ['bad_price', { p: 1.1e12 }],
  ['bad_price', { p: '150' }],
  ['bad_size', { v: -1 }],
  ['bad_size', { v: 1.1e15 }],
  ['bad_size', { v: null }],
] as const)('judgeRecord() says %s of %o', (reason, change) => {
  expect(judgeRecord({ ...GOOD, ...change }, 0)).toBe(reason);
});

test('judgeRecord() takes a trade for too late by its batch alone', () => {
  expect(judgeRecord(GOOD, TIME)).toMatchObject({ symbol: 'AAPL' });
  expect(judgeRecord(GOOD, TIME + 1)).toBe('too_late');
});

test('judgeRecord() agrees with transform, whatever the record', () => {
  const values = fc.oneof(
    fc.constantFrom(
      0,
      -0,
      1,
      -1,
      1e-9,
      4.9e-9,
      5e-9,
      1e12,
      1.1e12,
      1e15,
      1e16,
      '1',
      null,
      Number.POSITIVE_INFINITY,
    ),
    fc.double({ min: -100, max: 100, noNaN: true }),
    fc.integer({ min: -(10 ** 6), max: 10 ** 6 }).map((cents) => cents / 100),
  );
  const records = fc.record({
    s: fc.constantFrom(
      'AAPL',
      'BINANCE:BTCUSDT',
      '^GSPC',
      'EUR/USD',
      'aapl',
      '',
      'A B ',
      'A\n',
      'CL=F',
      'ES1!',
      '币安',
      'e\u0301',
      'A\u202e',
      null,
    ),
    p: values,
    t: fc.oneof(
      fc.constantFrom(TIME, TIME - 1, TIME + 1, 0, 946_684_800_000, 946_684_799_999, 1.5, '1'),
      fc.nat(),
    ),
    v: values,
    c: fc.oneof(
      fc.constantFrom(
        null,
        [],
        'x',
        ['1', '12'],
        [24],
        ['30'],
        ['9', '16'],
        ['53', '52', '41'],
        ['', 'a,b', '30'],
      ),
      fc.array(fc.integer({ min: 1, max: 60 }).map(String), { maxLength: 12 }),
    ),
  });
  const rules = fc.constantFrom(undefined, 'all' as const, 'us-tape' as const, {
    highLow: ['1'],
    volume: ['2', '30'],
    nothing: ['3'],
  });
  const header = { shard: 'test-00', epoch: 1, sequence: 1, ingestTimeMs: 0 };
  fc.assert(
    fc.property(records, fc.constantFrom('finnhub', 'trades', 'samples'), rules, (record, format, by) => {
      const { batch, rejects, notTrades } = cleanBatch(
        { ...header, format, rules: by, watermarkMs: TIME + 100, records: [{ id: 'a', record }] },
        100,
      );
      const judged = judgeRecord(record, TIME, { format, rules: by ?? null });
      if (typeof judged !== 'string')
        expect(batch.trades).toEqual([{ id: 'a', ...judged, ...absent(judged) }]);
      else expect(judged).toBe(notTrades === 1 ? 'no_trade' : rejects[0]?.reason);
    }),
    { numRuns: 2_000 },
  );
});

test("judgeRecord() takes a look at a market without a volume, and one whose volume is nobody's", () => {
  const look = { s: 'AAPL', p: 189.5, t: 1_700_000_000_000, dv: null, v: null };
  expect(judgeRecord(look, 0, { format: 'samples' })).toMatchObject({ priceE8: 18_950_000_000n, sizeE8: 0n });
  expect(judgeRecord({ ...look, v: 25 }, 0, { format: 'samples' })).toMatchObject({ sizeE8: 2_500_000_000n });
  expect(judgeRecord({ ...look, v: -1 }, 0, { format: 'samples' })).toBe('bad_size');
  expect(judgeRecord(look, 0)).toBe('bad_size');
});

/** What a clean batch does not say where it is nothing. */
function absent({ rank, conditions }: JudgedTrade): object {
  return { rank: rank === 0 ? undefined : rank, conditions: conditions === '' ? undefined : conditions };
}
