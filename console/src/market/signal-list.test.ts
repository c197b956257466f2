import { expect, test } from 'vitest';
import { withoutSymbol } from './signal-list.ts';

test.each([
  ['SIM:A: the average crossed above 3.', 'the average crossed above 3.'],
  ['SIM:A is oversold.', 'is oversold.'],
  ['SIM:AB is oversold.', 'SIM:AB is oversold.'],
  ['Something of SIM:A', 'Something of SIM:A'],
])('withoutSymbol(%s) is %s', (text, words) => {
  expect(withoutSymbol(text, 'SIM:A')).toBe(words);
});
