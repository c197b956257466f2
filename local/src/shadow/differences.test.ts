import { expect, test } from 'vitest';
import { differenceOf } from './differences.ts';

const place = { feed: 'sim', symbol: 'A', startMs: 5_000 };
const candle = {
  open: '1',
  close: '2',
  trade_count: '3',
  volume_e8: '7',
  state: 'final',
  revision: '0',
  complete: 'true',
  version: '4',
};
const NOTHING = { rules: false, grace: false };

test('differenceOf() tells nothing of two candles that say the same, however often they were written', () => {
  expect(differenceOf(place, candle, { ...candle, version: '9' }, NOTHING)).toBeNull();
});

test.each([
  [
    'changed',
    candle,
    { ...candle, close: '5' },
    { rules: true, grace: false },
    { close: ['2', '5'] },
    /^other prices count: the rules/,
  ],
  [
    'changed',
    candle,
    { ...candle, trade_count: '2' },
    NOTHING,
    { trade_count: ['3', '2'] },
    /^other trades count: the functions/,
  ],
  [
    'changed',
    candle,
    { ...candle, revision: '1' },
    { rules: false, grace: true },
    { revision: ['0', '1'] },
    /another time: the grace/,
  ],
  ['changed', candle, { ...candle, revision: '1' }, NOTHING, { revision: ['0', '1'] }, /another order/],
  ['changed', candle, { ...candle, complete: 'false' }, NOTHING, { complete: ['true', 'false'] }, /gap/],
] as const)(
  'differenceOf() names what differs, and why: %s %#',
  (kind, there, here, changes, fields, cause) => {
    const difference = differenceOf(place, there, here, changes);
    expect(difference).toMatchObject({ ...place, kind, fields });
    expect(difference?.cause).toMatch(cause);
  },
);

test('differenceOf() tells added from removed', () => {
  expect(differenceOf(place, undefined, candle, { rules: true, grace: false })).toMatchObject({
    kind: 'added',
  });
  expect(differenceOf(place, candle, undefined, NOTHING)).toMatchObject({
    kind: 'removed',
    cause: 'the log has no trade of it',
  });
});
