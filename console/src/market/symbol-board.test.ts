import { expect, test } from 'vitest';
import type { CandleRow } from '../api.ts';
import { createSymbolBoard, keyOf } from './symbol-board.ts';

const A = { feed: 'sim', symbol: 'SIM:A' };
const B = { feed: 'sim', symbol: 'SIM:B' };
const NOON = Date.UTC(2_026, 10, 29, 12);
const MINUTE = 60_000;
const row = (series: typeof A, time: number, price: number) => ({ ...series, time, price, size: 1 });

function boardOfBoth() {
  const board = createSymbolBoard();
  board.takeList([row(B, NOON, 20), row(A, NOON, 10)]);
  return board;
}

test('lines() are by feed and symbol, and the same objects until something of one changes', () => {
  const board = boardOfBoth();
  const before = board.lines(NOON);
  expect(before.map(({ symbol }) => symbol)).toEqual(['SIM:A', 'SIM:B']);
  expect(board.lines(NOON)).toEqual(before);
  board.takeClose(B, { start: NOON + 5_000, close: 21 }, 5_000);
  const after = board.lines(NOON);
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  expect(after[1]).toMatchObject({ price: 21, timeMs: NOON + 5_000, closes: [21] });
  expect(board.line(keyOf(B))).toBe(after[1]);
});

test('takeClose() of a series that no list has told of makes a line in its place', () => {
  const board = boardOfBoth();
  board.lines(NOON);
  board.takeClose({ feed: 'sim', symbol: 'SIM:AB' }, { start: NOON, close: 5 }, 5_000);
  expect(board.lines(NOON).map(({ symbol }) => symbol)).toEqual(['SIM:A', 'SIM:AB', 'SIM:B']);
});

test('a price that is older than the newest is no price, but may be the close of its minute', () => {
  const board = boardOfBoth();
  board.takeClose(A, { start: NOON - 2 * MINUTE, close: 8 }, 5_000);
  expect(board.line(keyOf(A))).toMatchObject({ price: 10, closes: [8, 10], change: 0.25 });
  board.takeList([row(A, NOON - 1, 9)]);
  expect(board.line(keyOf(A))?.price).toBe(10);
});

test('closes are those of one hour', () => {
  const board = createSymbolBoard();
  for (let minute = 0; minute <= 90; minute++)
    board.takeClose(A, { start: NOON + minute * MINUTE, close: minute }, 5_000);
  const { closes } = board.lines(NOON)[0] ?? { closes: [] };
  expect(closes[0]).toBe(31);
  expect(closes.at(-1)).toBe(90);
  expect(closes).toHaveLength(60);
});

test('a young market has closes of quarters of a minute, and its change is against the first minute', () => {
  const board = createSymbolBoard();
  const row = (start: number, close: number) => ({ start, close }) as CandleRow;
  expect(board.takeCandles(A, [row(NOON, 13), row(NOON + MINUTE, 14)], MINUTE)).toBe(2);
  const fives = Array.from({ length: 16 }, (_, n) => row(NOON + n * 5_000, 10 + n));
  board.takeCandles(A, fives, 5_000);
  board.takeClose(A, { start: NOON + 80_000, close: 30 }, 5_000);
  expect(board.line(keyOf(A))).toMatchObject({
    closes: [12, 15, 18, 21, 24, 30],
    change: 30 / 21 - 1,
    sinceMs: NOON,
  });
});

test('lines() has those last that have been quiet for ten minutes, and says which symbols several feeds have', () => {
  const board = createSymbolBoard();
  const other = { feed: 'tcp', symbol: 'SIM:A' };
  board.takeList([row(A, NOON - 11 * MINUTE, 10), row(B, NOON - 9 * MINUTE, 20), row(other, NOON, 11)]);
  expect(board.lines(NOON).map(({ key, isOneOfMany }) => [key, isOneOfMany])).toEqual([
    ['sim SIM:B', false],
    ['tcp SIM:A', true],
    ['sim SIM:A', true],
  ]);
});
