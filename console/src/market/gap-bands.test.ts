import { expect, test } from 'vitest';
import { bandsOf } from './gap-bands.ts';

const gap = (from_time: number, to_time: number) => ({ from_time, to_time });

test('bandsOf() covers the candles that a gap touches, however little', () => {
  expect(bandsOf([gap(9, 21)], [0, 5, 10, 20, 25], 5)).toEqual([{ first: 1, last: 3 }]);
  expect(bandsOf([gap(-9, 99)], [0, 5], 5)).toEqual([{ first: 0, last: 1 }]);
});

test('bandsOf() is a line where the gap holds no candle, and nothing outside of what is drawn', () => {
  expect(bandsOf([gap(11, 19)], [0, 5, 20], 5)).toEqual([{ first: 1.5, last: 1.5 }]);
  expect(bandsOf([gap(30, 40), gap(-9, -2)], [0, 5], 5)).toEqual([]);
});

test('bandsOf() is one band for the gaps of all shards', () => {
  const gaps = Array.from({ length: 12 }, () => gap(4, 11));
  expect(bandsOf(gaps, [0, 5, 10], 5)).toEqual([{ first: 0, last: 2 }]);
});

test('bandsOf() is one band for gaps that overlap, and two for those between which a candle is whole', () => {
  const starts = [0, 5, 10, 15, 20];
  expect(bandsOf([gap(12, 14), gap(4, 11), gap(13, 18)], starts, 5)).toEqual([{ first: 0, last: 3 }]);
  expect(bandsOf([gap(1, 2), gap(11, 12)], starts, 5)).toEqual([
    { first: 0, last: 0 },
    { first: 2, last: 2 },
  ]);
});
