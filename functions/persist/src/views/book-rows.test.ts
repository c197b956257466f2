import { expect, test } from 'vitest';
import { booksEvent, rowsOf, table, W0 } from '../../test/row-events.ts';

test('rowsOf() makes a row of a book with its best levels, and the same row of a repeat', () => {
  const book = {
    s: 'A',
    t: W0,
    b: [
      [184.2, 5],
      [184.1, 7],
    ],
    a: [[184.3, 2]],
  };
  const rows = rowsOf(booksEvent(book, { ...book, t: W0 + 1, a: [[184.4, 2]] }, { ...book, s: 'B' }));
  expect(rows.map((partition) => partition.length)).toEqual([3]);
  expect(rows[0]?.[0]).toEqual({
    view: 'order_books',
    columns: {
      feed: 'sim',
      shard: 'sim-03',
      bucket: W0 - (W0 % 30_000),
      symbol: 'A',
      time: W0,
      id: expect.any(String),
      bid: 184.2,
      bid_size: 5,
      ask: 184.3,
      ask_size: 2,
      mid: 184.25,
      spread: 0.1,
      bids: '[[184.2,5],[184.1,7]]',
      asks: '[[184.3,2]]',
    },
    timestamp: BigInt(W0) * 1_000n,
  });
  const twice = [...rowsOf(booksEvent(book)), ...rowsOf(booksEvent(book))].flat();
  expect(table(twice).size).toBe(1);
});
