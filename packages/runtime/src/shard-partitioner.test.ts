import { shardsOf } from '@kandle/market/event/shard';
import { Partitioners } from 'kafkajs';
import { expect, test } from 'vitest';
import { shardPartitioner } from './shard-partitioner.ts';

const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
  partitionErrorCode: 0,
  partitionId,
  leader: 1,
  replicas: [1],
  isr: [1],
  offlineReplicas: [],
}));
const argsOf = (key: string) => ({
  topic: 'market.trades.v1',
  partitionMetadata,
  message: { key, value: '' },
});

test.each(['finnhub', 'sim', 'binance-b'])(
  'shardPartitioner() gives each of 12 shards a partition of its own, for the feed %s',
  (feed) => {
    const partition = shardPartitioner();
    const places = shardsOf(feed, 12).map((shard) => partition(argsOf(shard)));
    expect(new Set(places).size).toBe(12);
    expect(Math.max(...places)).toBeLessThan(12);
    // The same again, and in another process: where a shard goes never depends on what was sent before.
    expect(shardsOf(feed, 12).map((shard) => shardPartitioner()(argsOf(shard)))).toEqual(places);
  },
);

test('shardPartitioner() begins at different partitions, for feeds of one shard each', () => {
  const places = ['finnhub', 'sim', 'binance', 'upbit'].map((feed) =>
    shardPartitioner()(argsOf(`${feed}-00`)),
  );
  expect(new Set(places).size).toBeGreaterThan(1);
});

test('shardPartitioner() leaves keys that are no shards to the hash, and sends none without a key', () => {
  const byHash = Partitioners.DefaultPartitioner();
  for (const key of ['finnhub', 'x-1', 'x-123', '-01']) {
    expect(shardPartitioner()(argsOf(key))).toBe(byHash(argsOf(key)));
  }
  expect(shardPartitioner()({ topic: 't', partitionMetadata, message: { value: '' } })).toBeLessThan(12);
});
