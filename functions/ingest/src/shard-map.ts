import type { RecordFormat } from '@kandle/market/feed/record-format';
import type { CountingRules } from '@kandle/market/trade/counting-rules';
import { shardOf as shardNameOf, shardsOf } from '@kandle/market/event/shard';
import { createIngestShard, type IngestShard } from './ingest-shard.ts';
import type { BatchOptions } from './lane/shard-buffer.ts';

/** What a feed's shards are made with. */
export interface ShardMapOptions extends BatchOptions {
  readonly feed: string;
  readonly format: RecordFormat;
  /** By which rules its trades count; undefined of a feed that samples. */
  readonly rules?: CountingRules | undefined;
  readonly shardCount: number;
}

/** The shards of a feed. */
export interface ShardMap {
  /** How the feed's records are read. */
  readonly format: RecordFormat;
  /** By which rules its trades count; undefined of a feed that samples. */
  readonly rules: CountingRules | undefined;
  /** The shard of a symbol. */
  shardOf(symbol: string): IngestShard;
  /** A shard by its name; undefined if the feed has no such shard. */
  named(shard: string): IngestShard | undefined;
  /** All shards, in order. */
  all(): readonly IngestShard[];
  /** Number of trades remembered, over all shards. */
  memorySize(): number;
}

/** Symbols whose shard is kept: more than any plan has, few enough to hold. */
const MAX_CACHED = 100_000;

/** The shards of a feed of which nothing is known yet. */
export function createShardMap(options: ShardMapOptions): ShardMap {
  const { feed, format, rules, shardCount } = options;
  const byName = new Map(
    shardsOf(feed, shardCount).map((shard) => [shard, createIngestShard(shard, options)]),
  );
  const all = [...byName.values()];
  const bySymbol = new Map<string, IngestShard>();

  return {
    format,
    rules,
    shardOf(symbol) {
      const cached = bySymbol.get(symbol);
      if (cached !== undefined) return cached;
      const shard = byName.get(shardNameOf(feed, symbol, shardCount));
      if (shard === undefined) throw new RangeError(`Cannot find the shard of ${symbol}`);
      if (bySymbol.size >= MAX_CACHED) bySymbol.clear();
      bySymbol.set(symbol, shard);
      return shard;
    },
    named: (shard) => byName.get(shard),
    all: () => all,
    memorySize: () => all.reduce((size, shard) => size + shard.memory.size(), 0),
  };
}
