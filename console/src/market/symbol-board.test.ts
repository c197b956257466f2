import { expect, test } from 'vitest';
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
  const before = board.lines();
  expect(before.map(({ symbol }) => symbol)).toEqual(['SIM:A', 'SIM:B']);
  expect(board.lines()).toEqual(before);
  board.takeClose(B, { start: NOON + 5_000, close: 21 }, 5_000);
  const after = board.lines();
  expect(after[0]).toBe(before[0]);
  expect(after[1]).not.toBe(before[1]);
  expect(after[1]).toMatchObject({ price: 21, timeMs: NOON + 5_000, closes: [21] });
  expect(board.line(keyOf(B))).toBe(after[1]);
});

test('takeClose() of a series that no list has told of makes a line in its place', () => {
  const board = boardOfBoth();
  board.lines();
  board.takeClose({ feed: 'sim', symbol: 'SIM:AB' }, { start: NOON, close: 5 }, 5_000);
  expect(board.lines().map(({ symbol }) => symbol)).toEqual(['SIM:A', 'SIM:AB', 'SIM:B']);
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
  const { closes } = board.lines()[0] ?? { closes: [] };
  expect(closes[0]).toBe(31);
  expect(closes.at(-1)).toBe(90);
  expect(closes).toHaveLength(60);
});
