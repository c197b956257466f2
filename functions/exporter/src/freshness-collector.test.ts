import { expect, test } from 'vitest';
import { freshnessOf } from './freshness-collector.ts';

const TRADES = [
  { symbol: 'C', timeMs: 3_000 },
  { symbol: 'A', timeMs: 1_000 },
  { symbol: 'D', timeMs: 9_500 },
  { symbol: 'B', timeMs: 2_000 },
];

function timesOf(choice: Parameters<typeof freshnessOf>[2]) {
  const samples = freshnessOf('finnhub', TRADES, choice);
  const times = samples.filter(({ gauge }) => gauge === 'kandle_newest_trade_timestamp_seconds');
  expect(samples.at(-1)).toEqual({ gauge: 'kandle_symbols', labels: { feed: 'finnhub' }, value: 4 });
  expect(new Set(times.map(({ labels }) => labels['feed']))).toEqual(new Set(['finnhub']));
  return Object.fromEntries(times.map(({ labels, value }) => [labels['symbol'], value]));
}

test('freshnessOf() shows each symbol in seconds, when they are few', () => {
  expect(timesOf({ symbols: undefined, maxSymbols: 50 })).toEqual({ A: 1, B: 2, C: 3, D: 9.5 });
});

test('freshnessOf() shows the first by name and the newest of the others, when they are many', () => {
  expect(timesOf({ symbols: undefined, maxSymbols: 2 })).toEqual({ A: 1, B: 2, other: 9.5 });
  expect(timesOf({ symbols: undefined, maxSymbols: 0 })).toEqual({ other: 9.5 });
});

test('freshnessOf() shows the symbols asked for, however many, and none that never traded', () => {
  expect(timesOf({ symbols: ['D', 'E'], maxSymbols: 0 })).toEqual({ D: 9.5, other: 3 });
});
