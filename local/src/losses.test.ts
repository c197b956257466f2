import { expect, test } from 'vitest';
import { lossesOf } from './losses.ts';

const NOTHING = {
  leftOut: [],
  status: { dropped: 0 },
  refusals: new Map<string, number>(),
  deadLetters: 0,
  sources: [{ dropped: 0 }],
};

test('lossesOf() is nothing, when everything was counted', () => {
  expect(lossesOf(NOTHING)).toEqual([]);
  expect(lossesOf({ ...NOTHING, status: null })).toEqual([]);
});

test('lossesOf() names everything that is in no candle, and how much of it', () => {
  const losses = lossesOf({
    leftOut: ['the recording is not whole: it ends in the middle of line 21'],
    status: { dropped: 2 },
    refusals: new Map([
      ['too_late', 718],
      ['bad_symbol', 1],
    ]),
    deadLetters: 3,
    sources: [{ dropped: 1 }, { dropped: 4 }],
  });
  expect(losses).toEqual([
    'the recording is not whole: it ends in the middle of line 21',
    '718 records refused: too_late',
    '1 record refused: bad_symbol',
    '2 records dropped by ingest',
    '3 dead letters (npm run redrive)',
    '5 events dropped by the event sources',
  ]);
});
