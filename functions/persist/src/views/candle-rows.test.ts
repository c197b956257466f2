import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { expect, test } from 'vitest';
import { candle, candlesEvent, received, rowsOf, W0 } from '../../test/row-events.ts';

test('rowsOf() puts each number of a candle into the column of its name', () => {
  const numbers = { openE8: e8(2n), highE8: e8(5n), lowE8: e8(1n), closeE8: e8(3n), volumeE8: e8(4n) };
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'revised',
    version: 6,
    candles: [{ ...candle(6, 'revised'), ...numbers, revision: 7, reason: 'late_trade', complete: false }],
  });
  if (event === undefined) throw new Error('no event');
  const [row] = rowsOf(received(event)).flat();
  expect(row?.columns).toMatchObject({
    feed: 'finnhub',
    shard: 'finnhub-03',
    bucket: W0 - (W0 % 600_000),
    symbol: 'A',
    start: W0,
    version: 6,
    open: 2e-8,
    high: 5e-8,
    low: 1e-8,
    close: 3e-8,
    volume: 4e-8,
    trade_count: 2,
    state: 'revised',
    revision: 7,
    reason: 'late_trade',
    complete: false,
  });
  expect(row?.timestamp).toBe(BigInt(W0) * 1_000n + 6n);
});

test('rowsOf() writes only final and revised candles to candle_revisions', () => {
  expect(
    rowsOf(candlesEvent(1, 'provisional'))
      .flat()
      .map(({ view }) => view),
  ).toEqual(['candles_5s']);
  expect(
    rowsOf(candlesEvent(2, 'final'))
      .flat()
      .map(({ view }) => view),
  ).toEqual(['candles_5s', 'candle_revisions']);
});

test('rowsOf() makes candles of looks that say so, without an average price', () => {
  const numbers = { volumeE8: e8(0n), notionalE16: e16(0n) };
  const [event] = formatCandleBatch({
    shard: 'yahoo-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'final',
    version: 4,
    sampled: true,
    candles: [{ ...candle(4, 'final'), ...numbers }],
  });
  if (event === undefined) throw new Error('no event');
  const rows = rowsOf(received(event)).flat();
  expect(rows.map(({ view }) => view)).toEqual(['candles_5s', 'candle_revisions']);
  for (const { columns } of rows)
    expect(columns).toMatchObject({ sampled: true, volume: 0, vwap: Number.NaN, notional: Number.NaN });
});

test('rowsOf() makes candles of price updates that say so, beside others of the same feed', () => {
  const numbers = { volumeE8: e8(0n), notionalE16: e16(0n), rank: 3 as const };
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'provisional',
    version: 4,
    candles: [
      { ...candle(4, 'provisional'), symbol: 'EUR', ...numbers },
      { ...candle(4, 'provisional'), symbol: 'IWM', rank: 2 },
    ],
  });
  if (event === undefined) throw new Error('no event');
  expect(rowsOf(received(event)).flat()).toMatchObject([
    { columns: { symbol: 'EUR', sampled: true, price_rank: 3, vwap: Number.NaN, notional: Number.NaN } },
    { columns: { symbol: 'IWM', sampled: false, price_rank: 2 } },
  ]);
});
