import { expect } from 'vitest';
import type { PlainCandle } from './recording.ts';

/** VWAP and mean are quotients of sums: equal but for the last bits. */
const RELATIVE = 1e-9;

/** Fails where two sets of candles differ, in any order; VWAP and mean may differ in their last bits. */
export function expectSameCandles(actual: readonly PlainCandle[], expected: readonly PlainCandle[]): void {
  const sorted = (candles: readonly PlainCandle[]): PlainCandle[] =>
    candles.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const exact = ({ vwap, mean, ...rest }: PlainCandle) => rest;
  expect(sorted(actual).map(exact)).toEqual(sorted(expected).map(exact));
  const byKey = new Map(actual.map((candle) => [keyOf(candle), candle]));
  for (const candle of expected) {
    const found = byKey.get(keyOf(candle));
    expect(Math.abs((found?.vwap ?? 0) / candle.vwap - 1), `vwap of ${keyOf(candle)}`).toBeLessThan(RELATIVE);
    expect(Math.abs((found?.mean ?? 0) / candle.mean - 1), `mean of ${keyOf(candle)}`).toBeLessThan(RELATIVE);
  }
}

function keyOf(candle: PlainCandle): string {
  return `${candle.symbol} ${candle.startMs}`;
}
