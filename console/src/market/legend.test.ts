import { expect, test } from 'vitest';
import type { CandleRow } from '../api.ts';
import { legendParts } from './legend.ts';

const ROW: CandleRow = {
  start: 5_000,
  open: 1_000,
  high: 1_200,
  low: 900,
  close: 950,
  volume: 12_345,
  vwap: null,
  trade_count: 2,
  state: 'final',
  version: 1,
  revision: 0,
  reason: null,
  complete: true,
};
const textsOf = (row: CandleRow) =>
  legendParts(row, 'noon', 2, [{ id: 'rsi', text: '55.1' }]).map(({ name, value }) =>
    value === null ? name : `${name}=${value}`,
  );

test('legendParts() says a candle in numbers, then its lines, then its state', () => {
  expect(textsOf(ROW)).toEqual([
    'noon',
    'O=1,000.00',
    'H=1,200.00',
    'L=900.00',
    'C=950.00',
    'Vol=12.35k',
    'RSI 55.1',
    'final',
  ]);
  expect(legendParts(ROW, 'noon', 2, [])[1]?.kind).toBe('down');
});

test('legendParts() says what a candle lacks', () => {
  const { length } = textsOf(ROW);
  expect(textsOf({ ...ROW, state: 'revised', revision: 2, complete: false }).slice(length - 1)).toEqual([
    'revised 2×',
    'incomplete',
  ]);
  expect(textsOf({ ...ROW, reason: 'backfilled' }).slice(length)).toEqual(['backfilled']);
  expect(textsOf({ ...ROW, price_rank: 1 }).slice(length)).toEqual(['prices of high and low only']);
  expect(textsOf({ ...ROW, price_rank: 2 }).slice(length)).toEqual(['prices of volume-only trades']);
  expect(textsOf({ ...ROW, sampled: true }).slice(length)).toEqual(['prices without trades']);
});
