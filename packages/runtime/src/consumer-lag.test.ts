import { expect, test } from 'vitest';
import { committedBy, lagOf, recordsEver, recordsIn } from './consumer-lag.ts';

const bounds = (partition: number, low: number, high: number) => ({
  partition,
  low: String(low),
  high: String(high),
});

test.each([
  ['is nothing, when all is committed', 10, '30', 0],
  ['is what is not committed', 10, '25', 5],
  ['is all that there is, when nothing is committed', 10, '-1', 20],
  ['is all that there is, when what was committed is no longer there', 10, '3', 20],
  ['is nothing, when the topic was made anew with fewer records', 0, '31', 0],
])('lagOf() %s', (_, low, offset, lag) => {
  expect(lagOf([bounds(3, low, 30)], [{ partition: 3, offset }])).toBe(lag);
});

test('lagOf() adds up partitions, and counts one whole of which the group knows nothing', () => {
  const committed = [{ partition: 0, offset: '8' }];
  expect(lagOf([bounds(0, 0, 10), bounds(1, 5, 10)], committed)).toBe(7);
});

test('recordsIn() counts what is between the beginnings and the ends', () => {
  expect(recordsIn([bounds(0, 0, 10), bounds(1, 5, 10), bounds(2, 7, 7)])).toBe(15);
});

test('recordsEver() falls by nothing, when retention removes the beginning', () => {
  expect(recordsEver([bounds(0, 0, 10), bounds(1, 5, 10)])).toBe(20);
  expect(recordsEver([bounds(0, 9, 10), bounds(1, 10, 10)])).toBe(20);
});

test('committedBy() counts a partition of which nothing is committed as 0', () => {
  expect(committedBy([])).toBe(0);
  expect(
    committedBy([
      { partition: 0, offset: '7' },
      { partition: 1, offset: '-1' },
    ]),
  ).toBe(7);
});
