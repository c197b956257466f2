import { expect, test } from 'vitest';
import { explainCandle } from './explain.ts';
import type { CandleRow, TradeRow } from './rows.ts';

const START = 1_764_167_400_000;
const CANDLE: CandleRow = {
  start: START,
  open: 109.41,
  high: 109.41,
  low: 109.41,
  close: 109.41,
  volume: 126_286,
  vwap: 114.61,
  mean_price: 110.45,
  trade_count: 3,
  state: 'final',
  version: 2,
  revision: 0,
  reason: '',
  complete: true,
  sampled: false,
  price_rank: 0,
};

function trade(price: number, conditions: string | null, price_rank: TradeRow['price_rank']): TradeRow {
  return { time: START, id: `${price}`, price, size: 1, conditions, price_rank, backfilled: null };
}

function explain(trades: readonly TradeRow[], candle: Partial<CandleRow> = {}) {
  return explainCandle(
    {
      store: {
        candles: () => Promise.resolve([{ ...CANDLE, trade_count: trades.length, ...candle }]),
        revisions: () => Promise.resolve([]),
        trades: () => Promise.resolve(trades),
        gaps: () => Promise.resolve([]),
      },
      refused: { read: () => Promise.resolve({ rejects: [], isWhole: true }) },
    },
    { feed: 'finnhub', symbol: 'IWM' },
    START,
  );
}

test('explainCandle() says of each trade what it counted for, by its conditions', async () => {
  const { trades, counted, notes } = await explain([
    trade(109.4, '1,24', 2),
    trade(114.6247, '53,52,41', 2),
    trade(109.5, '30', 1),
    trade(109.41, null, 0),
  ]);
  expect(trades.map(({ conditions, counted_for }) => [conditions, counted_for])).toEqual([
    ['1,24', 'volume'],
    ['53,52,41', 'volume'],
    ['30', 'high, low, volume'],
    [null, 'all'],
  ]);
  expect(counted).toMatchObject({ trades: 4, volume: 4, high: 109.5, low: 109.41 });
  expect(notes).toEqual(['By their conditions, 3 of 4 trades count for less than all: each says for what.']);
});

test('explainCandle() says so, where no trade counts for the prices of its candle', async () => {
  const { trades, notes } = await explain([trade(109.4, '1,24', 2)], { price_rank: 2 });
  expect(trades[0]?.counted_for).toBe('all: the candle has none that counts for more');
  expect(notes).toEqual(['No trade in it counts for prices: they are of the best that there is.']);
});

test('explainCandle() says how many trades were fetched afterwards, and from where', async () => {
  const one = trade(109.41, null, 0);
  const from = (source: string) => ({ ...one, id: source, backfilled: source });
  const { trades, notes } = await explain([one, from('recording'), from('finnhub'), from('recording')]);
  expect(trades.map(({ backfilled }) => backfilled)).toEqual([null, 'recording', 'finnhub', 'recording']);
  expect(notes).toEqual([
    '3 of 4 trades were missed by the feed and fetched afterwards: finnhub 1, recording 2.',
  ]);
});

test('explainCandle() does not miss the trades of a candle of price updates', async () => {
  const { notes } = await explain([], { trade_count: 8, sampled: true, price_rank: 3 });
  expect(notes).toContainEqual(expect.stringContaining('looks at the market'));
  expect(notes.join()).not.toContain('run the audit');
});
