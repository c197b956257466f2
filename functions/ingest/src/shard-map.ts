import { shardOf, shardsOf } from '@kandle/market/event/shard';
import { createShardLine, type IngestShard } from './ingest-shard.ts';
import type { BatchOptions } from './shard-buffer.ts';

/** What a feed's shards are made with. */
export interface ShardMapOptions extends BatchOptions {
  readonly feed: string;
  readonly shardCount: number;
}

/** The shards of a feed. */
export interface ShardMap {
  /** The shard of a symbol. */
  lineOf(symbol: string): IngestShard;
  /** A shard by its name; undefined if the feed has no such shard. */
  named(shard: string): IngestShard | undefined;
  /** All shards, in order. */
  lines(): readonly IngestShard[];
  /** Number of trades remembered, over all shards. */
  memorySize(): number;
}

/** Symbols whose shard is kept: more than any plan has, few enough to hold. */
const MAX_CACHED = 100_000;

/** The shards of a feed of which nothing is known yet. */
export function createShardMap(options: ShardMapOptions): ShardMap {
  const { feed, shardCount } = options;
  const byName = new Map(shardsOf(feed, shardCount).map((shard) => [shard, createShardLine(shard, options)]));
  const lines = [...byName.values()];
  const bySymbol = new Map<string, IngestShard>();

  return {
    lineOf(symbol) {
      const cached = bySymbol.get(symbol);
      if (cached !== undefined) return cached;
      const line = byName.get(shardOf(feed, symbol, shardCount));
      if (line === undefined) throw new RangeError(`Cannot find the shard of ${symbol}`);
      if (bySymbol.size >= MAX_CACHED) bySymbol.clear();
      bySymbol.set(symbol, line);
      return line;
    },
    named: (shard) => byName.get(shard),
    lines: () => lines,
    memorySize: () => lines.reduce((size, line) => size + line.memory.size(), 0),
  };
}
