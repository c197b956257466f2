import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { concerns, parseRules, type Rule } from './rules.ts';

const cross = { name: 'a', kind: 'moving-average-cross', fast: 'ema', slow: 'sma' };

test('parseRules() fills in what a rule does not say', () => {
  expect(parseRules({ rules: [{ name: 'a', kind: 'rsi' }] }, 12)).toEqual([
    { name: 'a', kind: 'rsi', symbols: ['*'], coolDownMs: 60_000, over: 70, under: 30, back: 5 },
  ]);
});

test.each([
  ['an unknown kind', { rules: [{ ...cross, kind: 'magic' }] }, /^rule a, kind: /],
  ['an unknown field', { rules: [{ ...cross, fats: 'ema' }] }, /^rule a, itself: .*fats/],
  ['a number out of bounds', { rules: [{ name: 'b', kind: 'rsi', over: 170 }] }, /^rule b, over: /],
  ['no name', { rules: [{ kind: 'rsi' }] }, /^rule number 1, name: /],
  ['a name that no id can carry', { rules: [{ ...cross, name: 'A:B' }] }, /^rule A:B, name: expected a name/],
  ['a name twice', { rules: [cross, cross] }, /rules: a name is used twice/],
  ['a line that crosses itself', { rules: [{ ...cross, slow: 'ema' }] }, /^rule a, slow: /],
  ['no list', { rules: 5 }, /^rules: /],
  ['nothing', null, /^the file: /],
  [
    'a silence that nobody would see',
    { rules: [{ name: 's', kind: 'silence', windows: 13 }] },
    /^rule s, windows: expected at most MAX_REPEATED_WINDOWS, which is 12$/,
  ],
])('parseRules() names rule and field, when there is %s', (_, data, message) => {
  expect(() => parseRules(data, 12)).toThrow(RangeError);
  expect(() => parseRules(data, 12)).toThrow(message);
});

function ruleFor(...symbols: string[]): Rule {
  const [rule] = parseRules({ rules: [{ ...cross, symbols }] }, 12);
  if (rule === undefined) throw new Error('no rule');
  return rule;
}

test('concerns() agrees with a regular expression, when patterns have stars anywhere', () => {
  const letters = fc.constantFrom('A', 'B', ':');
  const patterns = fc.string({ unit: fc.oneof(letters, fc.constant('*')), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(patterns, fc.string({ unit: letters, maxLength: 6 }), (pattern, symbol) => {
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(symbol);
      expect(concerns(ruleFor(pattern), symbol)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});

test('concerns() takes any of several symbols', () => {
  const rule = ruleFor('BINANCE:*', '^GSPC');
  expect(['BINANCE:BTCUSDT', '^GSPC', 'AAPL', '^GSPC2'].map((symbol) => concerns(rule, symbol))).toEqual([
    true,
    true,
    false,
    false,
  ]);
});
