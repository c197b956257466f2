import { expect, test } from 'vitest';
import type { CandleRow, SignalRow } from '../api.ts';
import type { Colors } from '../theme.ts';
import { candlePoint, linePoint, marksOf, volumePoint, vwapPoint } from './chart-points.ts';

const LOOK: Colors = {
  text: '#000001',
  muted: '#000002',
  line: '#000003',
  panel: '#000004',
  up: '#000005',
  down: '#000006',
  accent: '#000007',
  sma: '#000008',
  ema: '#000009',
  vwap: '#00000a',
  band: '#00000b',
};
const ROW: CandleRow = {
  start: 5_000,
  open: 10,
  high: 12,
  low: 9,
  close: 11,
  volume: 3,
  vwap: 10.5,
  trade_count: 2,
  state: 'final',
  version: 1,
  revision: 0,
  reason: null,
  complete: true,
};
const SIGNAL: SignalRow = {
  start: 65_000,
  symbol: 'SIM:A',
  rule: 'cross',
  side: 'buy',
  strength: 1,
  text: 'SIM:A: up',
  state: 'active',
  version: 1,
};

test('candlePoint() has seconds, and is hollow while provisional and edged where incomplete', () => {
  const prices = { time: 5, open: 10, high: 12, low: 9, close: 11 };
  expect(candlePoint(ROW, LOOK)).toMatchObject({ ...prices, color: LOOK.up, borderColor: LOOK.up });
  expect(candlePoint({ ...ROW, close: 9.5 }, LOOK)).toMatchObject({ color: LOOK.down });
  const hollow = candlePoint({ ...ROW, state: 'provisional' }, LOOK);
  expect(hollow).toMatchObject({ color: LOOK.panel, borderColor: LOOK.up });
  const incomplete = candlePoint({ ...ROW, complete: false }, LOOK);
  expect(incomplete).toMatchObject({ color: LOOK.up, borderColor: LOOK.accent });
});

test('volumePoint() is paler while provisional, vwapPoint() a break where there is none', () => {
  expect(volumePoint(ROW, LOOK)).toEqual({ time: 5, value: 3, color: `${LOOK.up}61` });
  expect(volumePoint({ ...ROW, state: 'provisional' }, LOOK).color).toBe(`${LOOK.up}2e`);
  expect(vwapPoint(ROW)).toEqual({ time: 5, value: 10.5 });
  expect(vwapPoint({ ...ROW, vwap: null })).toEqual({ time: 5 });
});

test('linePoint() has the colour of its sign in the histogram only', () => {
  const row = { start: 5_000, value: -1, version: 1 };
  expect(linePoint(row, 'sma', LOOK)).toEqual({ time: 5, value: -1 });
  expect(linePoint(row, 'macd_histogram', LOOK)).toEqual({ time: 5, value: -1, color: `${LOOK.down}99` });
});

test('marksOf() are ascending, of revised candles and of signals at the candle they fall into', () => {
  const rows = [
    ROW,
    { ...ROW, start: 70_000, revision: 2 },
    { ...ROW, start: 75_000, revision: 3, reason: 'backfilled' },
    { ...ROW, start: 80_000, reason: 'backfilled' },
  ];
  const signals = [SIGNAL, { ...SIGNAL, start: 5_000, side: 'sell', state: 'retracted' }];
  expect(marksOf(rows, signals, 60_000, LOOK)).toMatchObject([
    { time: 0, shape: 'arrowDown', position: 'aboveBar', color: LOOK.muted },
    { time: 60, shape: 'arrowUp', position: 'belowBar', color: LOOK.up },
    { time: 70, shape: 'circle', text: 'r2', color: LOOK.accent },
    { time: 75, shape: 'circle', text: 'b3', color: LOOK.accent },
    { time: 80, shape: 'circle', text: 'b', color: LOOK.accent },
  ]);
});
