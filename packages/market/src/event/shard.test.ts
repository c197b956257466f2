import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { feedOfShard, shardOf, shardsOf } from './shard.ts';

// Golden: computed once by an independent FNV-1a. A change here sends every symbol's history to another shard.
test.each([
  ['AAPL', 'finnhub-07', 83],
  ['MSFT', 'finnhub-07', 67],
  ['TSLA', 'finnhub-07', 47],
  ['BINANCE:BTCUSDT', 'finnhub-04', 36],
  ['BINANCE:ETHUSDT', 'finnhub-00', 96],
  ['IC MARKETS:1', 'finnhub-01', 89],
  ['^GSPC', 'finnhub-10', 66],
  ['EUR/USD', 'finnhub-04', 64],
  ['JPY=X', 'finnhub-07', 63],
])('shardOf() never changes, when the symbol is %j', (symbol, ofTwelve, ofHundred) => {
  expect(shardOf('finnhub', symbol, 12)).toBe(ofTwelve);
  expect(shardOf('finnhub', symbol, 100)).toBe(`finnhub-${ofHundred}`);
  expect(shardOf('finnhub', symbol, 1)).toBe('finnhub-00');
});

const feeds = fc.constantFrom('finnhub', 'finnhub-b', 'twelve-data', 'a');
const counts = fc.integer({ min: 1, max: 100 });

test('shardOf() is one of the shards of its feed, when the symbol is any', () => {
  fc.assert(
    fc.property(feeds, fc.string(), counts, (feed, symbol, count) => {
      const shard = shardOf(feed, symbol, count);
      expect(shardsOf(feed, count)).toContain(shard);
      expect(feedOfShard(shard)).toBe(feed);
    }),
  );
});

test('shardOf() uses every shard about equally, when symbols are many', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 12_000; i++) {
    const shard = shardOf('finnhub', `BINANCE:COIN${i}USDT`, 12);
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  expect([...counts.keys()].toSorted()).toEqual(shardsOf('finnhub', 12));
  expect(Math.min(...counts.values())).toBeGreaterThan(850);
  expect(Math.max(...counts.values())).toBeLessThan(1_150);
});

test('shardsOf() names the shards in order with two digits, when the count is 100', () => {
  const shards = shardsOf('finnhub', 100);
  expect(shards).toHaveLength(100);
  expect(new Set(shards).size).toBe(100);
  expect([shards.at(0), shards.at(9), shards.at(99)]).toEqual(['finnhub-00', 'finnhub-09', 'finnhub-99']);
});

test.each([0, -1, 101, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
  'shardOf() and shardsOf() refuse, when the shard count is %d',
  (count) => {
    expect(() => shardOf('finnhub', 'AAPL', count)).toThrow(RangeError);
    expect(() => shardsOf('finnhub', count)).toThrow(`Cannot shard: ${count} is not a shard count`);
  },
);
