import { expect, test } from 'vitest';
import { createConditionJudge } from './counting-rules.ts';
import { countedFor } from './price-rank.ts';

const tape = createConditionJudge('us-tape');

test.each([
  ['a regular trade', ['1'], 0],
  ['an intermarket sweep', ['1', '8'], 0],
  ['a closing print', ['36'], 0],
  ['an odd lot', ['1', '12'], 2],
  ['a trade before the session', ['1', '24'], 2],
  ['an average price', ['3'], 2],
  ['a qualified contingent trade', ['37', '41'], 2],
  ['one out of sequence', ['30'], 1],
  ['one that is derivatively priced', ['32'], 1],
  ['an odd lot out of sequence', ['30', '12'], 2],
  ['the official close', ['16'], null],
  ['the official open of an odd lot', ['12', '20'], null],
] as const)('us-tape gives %s its rank', (_, codes, rank) => {
  expect(tape(codes)).toEqual({ conditions: codes.join(','), rank });
});

test('createConditionJudge() lets other lists replace the tape, and all leave every price', () => {
  const own = createConditionJudge({ highLow: ['Z'], volume: ['I'], nothing: ['M'] });
  expect([['Z'], ['I', 'Z'], ['M'], ['12']].map((codes) => own(codes).rank)).toEqual([1, 2, null, 0]);
  expect(createConditionJudge('all')(['16', '12'])).toEqual({ conditions: '16,12', rank: 0 });
});

test.each([null, undefined, 'x', 12, {}, [], [null], [{}], ['a,b'], ['x'.repeat(9)], [''], [['12']]])(
  'createConditionJudge() takes %j for a trade without conditions it knows',
  (conditions) => {
    expect(tape(conditions).rank).toBe(JSON.stringify(conditions) === '[["12"]]' ? 2 : 0);
  },
);

test('createConditionJudge() looks at no more than eight codes, whatever comes', () => {
  const many = [...Array.from({ length: 8 }, () => '1'), '16'];
  expect(tape(many)).toEqual({ conditions: '1,1,1,1,1,1,1,1', rank: 0 });
});

test('countedFor() says what a trade counted for beside what else is in the candle', () => {
  expect([0, 1, 2].map((rank) => countedFor(rank as 0, 0))).toEqual(['all', 'high, low, volume', 'volume']);
  expect(countedFor(2, 2)).toBe('all: the candle has none that counts for more');
  expect(countedFor(2, 1)).toBe('volume');
  expect(countedFor(3, 0)).toMatch(/^nothing/);
  expect(countedFor(3, 3)).toMatch(/^prices/);
});
