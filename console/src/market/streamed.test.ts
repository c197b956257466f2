import { expect, test } from 'vitest';
import { readClose, readStreamed } from './streamed.ts';

const row = { symbol: 'SIM:A', start: 5_000, close: 1.5 };

test('readStreamed() hands on what is a feed and rows of symbols, as it is', () => {
  const data: unknown = { feed: 'sim', rows: [row, { symbol: 'SIM:B' }] };
  expect(readStreamed(data)).toEqual(data);
  expect(readStreamed({ feed: 'sim', rows: [] })).toEqual({ feed: 'sim', rows: [] });
});

test.each([
  null,
  'text',
  [],
  {},
  { feed: 'sim' },
  { feed: 1, rows: [row] },
  { feed: 'sim', rows: { 0: row } },
  { feed: 'sim', rows: [row, null] },
  { feed: 'sim', rows: [row, { symbol: 3 }] },
])('readStreamed() refuses %j', (data) => {
  expect(readStreamed(data)).toBeNull();
});

test('readClose() is null where a candle has no price', () => {
  expect(readClose(row)).toEqual({ start: 5_000, close: 1.5 });
  expect(readClose({ ...row, close: null })).toBeNull();
  expect(readClose({ symbol: 'SIM:A' })).toBeNull();
});
