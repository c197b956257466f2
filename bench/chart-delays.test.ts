import { expect, test } from 'vitest';
import { type DrawnCandle, delaysToChart, delaysToStream, newestTrades } from './chart-delays.ts';

const sent = [0, 100, 200, 300].map((sentMs) => ({ sentMs, startMs: 0 }));

function candle(atMs: number, close: number): DrawnCandle {
  return { atMs, startMs: 0, open: 1, high: 9, low: 1, close };
}

test('newestTrades() takes a trade by its number, and a candle once that comes again', () => {
  const seen = newestTrades(
    [
      { ...candle(150, 5), tradeCount: 1 },
      { ...candle(500, 5), tradeCount: 3 },
      { ...candle(700, 5), tradeCount: 3 },
    ],
    sent,
  );
  expect(delaysToStream(seen)).toEqual([150, 300]);
});

test('delaysToChart() waits until the candle is drawn, or one with more trades', () => {
  const seen = newestTrades(
    [
      { ...candle(110, 5), tradeCount: 1 },
      { ...candle(250, 6), tradeCount: 2 },
      { ...candle(260, 7), tradeCount: 3 },
      { ...candle(400, 5), tradeCount: 4 },
    ],
    sent,
  );
  expect(delaysToChart(seen, [candle(120, 5), candle(300, 7), candle(450, 5)])).toEqual([120, 200, 100, 150]);
});

test('delaysToChart() leaves out a candle that looks like the one before', () => {
  const seen = newestTrades(
    [
      { ...candle(110, 5), tradeCount: 1 },
      { ...candle(250, 5), tradeCount: 2 },
      { ...candle(400, 6), tradeCount: 4 },
    ],
    sent,
  );
  expect(delaysToChart(seen, [candle(120, 5), candle(450, 6)])).toEqual([120, 150]);
});
