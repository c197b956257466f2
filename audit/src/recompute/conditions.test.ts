import { createConditionJudge } from '@kandle/market/trade/counting-rules';
import { expect, test } from 'vitest';
import { rankOf } from './conditions.ts';

/** Every number of Finnhub's list, those of another vendor's, and some that nobody has. */
const CODES = Array.from({ length: 61 }, (_, n) => String(n));

test('rankOf() agrees with the code under audit on every pair of the codes, by each of the rules', () => {
  const own = { highLow: ['1', '12'], volume: ['2', '30'], nothing: ['3'] };
  for (const rules of ['all', 'us-tape', own] as const) {
    const judge = createConditionJudge(rules);
    const differ = CODES.flatMap((a) => CODES.map((b) => [a, b])).filter(
      (codes) => rankOf(codes, rules) !== (judge(codes).rank ?? 'nothing'),
    );
    expect(differ).toEqual([]);
  }
});
