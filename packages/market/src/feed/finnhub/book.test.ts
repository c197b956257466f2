import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeBookRecord } from './book.ts';
import { MAX_BOOK_LEVELS } from '../../book/book.ts';

const T = 1_764_000_000_000;
const GOOD = {
  s: 'AAPL',
  t: T,
  b: [
    [184.2, 5],
    [184.1, 7],
  ],
  a: [
    [184.3, 2],
    [184.5, 1],
  ],
};

const sizes = fc.integer({ min: 1, max: 10_000 }).map((lots) => lots / 100);
/** Rising cents, some of them next to each other. */
const cents = fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 2, maxLength: 30 });

test('judgeBookRecord() keeps the best ten levels of each side exactly, when a book is any', () => {
  fc.assert(
    fc.property(cents, sizes, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (prices, size, share) => {
      const rising = prices.toSorted((x, y) => x - y);
      const cut = Math.min(rising.length - 1, Math.max(1, Math.floor(rising.length * share)));
      const b = rising
        .slice(0, cut)
        .toReversed()
        .map((price) => [price / 100, size]);
      const a = rising.slice(cut).map((price) => [price / 100, size]);
      const judged = judgeBookRecord({ s: 'AAPL', t: T, b, a });
      const level = ([price = 0, amount = 0]: readonly number[]) => ({
        priceE8: BigInt(Math.round(price * 100)) * 1_000_000n,
        sizeE8: BigInt(Math.round(amount * 100)) * 1_000_000n,
      });
      const id = expect.stringMatching(/^[\da-z]+$/);
      const sides = {
        bids: b.slice(0, MAX_BOOK_LEVELS).map(level),
        asks: a.slice(0, MAX_BOOK_LEVELS).map(level),
      };
      expect(judged).toEqual({ kind: 'items', items: [{ id, symbol: 'AAPL', eventTimeMs: T, ...sides }] });
    }),
  );
});

test('judgeBookRecord() gives a repeat the same id, and any other content another', () => {
  const idOf = (record: Readonly<Record<string, unknown>>): unknown => {
    const judged = judgeBookRecord(record);
    return judged.kind === 'items' ? judged.items[0]?.id : judged;
  };
  const others = [
    { ...GOOD, t: T + 1 },
    { ...GOOD, s: 'MSFT' },
    { ...GOOD, a: [[184.3, 2]] },
    { ...GOOD, b: GOOD.a.map(([price = 0, size = 0]) => [price - 1, size]).toReversed() },
  ];
  expect(idOf({ ...GOOD })).toBe(idOf(GOOD));
  expect(new Set([GOOD, ...others].map(idOf)).size).toBe(5);
});

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ['no symbol', { s: 'A\u0007' }, 'bad_symbol'],
  ['a time in seconds', { t: 1_764_000_000 }, 'bad_time'],
  ['no bids', { b: undefined }, 'bad_book'],
  ['an empty side', { a: [] }, 'bad_book'],
  ['a level that is none', { b: [[184.2]] }, 'bad_book'],
  ['a level of text', { b: [['184.2', 5]] }, 'bad_book'],
  ['a price of 0', { b: [[0, 5]] }, 'bad_book'],
  ['a price of nine decimals', { b: [[1e-9, 5]] }, 'too_many_decimals'],
  ['a size below 0', { a: [[184.3, -2]] }, 'bad_book'],
  ['a size beyond belief', { a: [[184.3, 1e16]] }, 'bad_book'],
  ['crossed sides', { b: [[184.3, 5]] }, 'bad_book'],
  [
    'bids that rise',
    {
      b: [
        [184.1, 7],
        [184.2, 5],
      ],
    },
    'bad_book',
  ],
  [
    'asks with a price twice',
    {
      a: [
        [184.3, 7],
        [184.3, 5],
      ],
    },
    'bad_book',
  ],
])('judgeBookRecord() refuses with a reason, when a book has %s', (_, changes, reason) => {
  expect(judgeBookRecord({ ...GOOD, ...changes })).toMatchObject({ kind: 'reject', reason });
});
