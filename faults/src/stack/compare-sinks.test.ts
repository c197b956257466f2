import { expect, test } from 'vitest';
import { differencesOf } from './compare-sinks.ts';

const one = { symbol: 'A', price: 1 };
const two = { symbol: 'A', price: 2 };

test('differencesOf() finds nothing, when the same rows are there in another order', () => {
  expect(differencesOf('x', [one, two], [{ price: 2, symbol: 'A' }, one])).toEqual([]);
});

test.each([
  ['missing', [one, two], [one], '1 are missing ({"price":2,"symbol":"A"}), 0 are too many (none)'],
  ['doubled', [one], [one, one], '0 are missing (none), 1 are too many ({"price":1,"symbol":"A"})'],
  ['a name', ['a', 'b'], ['a', 'c'], '1 are missing (b), 1 are too many (c)'],
  [
    'a column',
    [one],
    [{ ...one, rsi14: 50 }],
    '1 are missing ({"price":1,"symbol":"A"}), 1 are too many ({"price":1,"rsi14":50,"symbol":"A"})',
  ],
])('differencesOf() names a row that is wrong: %s', (_, expected, found, words) => {
  const [text] = differencesOf('x', expected, found);
  expect(text).toBe(`x: of ${expected.length} in the log and ${found.length} there, ${words}`);
});
