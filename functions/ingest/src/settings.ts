import { recordFormat } from '@kandle/market/feed/formats';
import type { IngestConfig } from './config.ts';
import { TOPIC_SCHEME, VENDOR_FACTS } from './feed/vendors.ts';
import type { IntakeOptions } from './intake.ts';
import type { BufferBoundOptions } from './lane/buffer-bound.ts';
import type { ShardMapOptions } from './shard-map.ts';

/** Trades that a replay remembers at least: more than its server ever sends again. */
const REPLAY_MEMORY_TRADES = 400_000;

/** What the feed's shards are made with. */
export function shardOptions(config: IngestConfig): ShardMapOptions {
  const { formatOf, rules } = VENDOR_FACTS[config.VENDOR];
  const format = recordFormat(formatOf(config.NDJSON_MAPPING));
  return {
    feed: config.FEED,
    format,
    rules: format.isSampled ? undefined : (config.COUNTING_RULES ?? rules),
    shardCount: config.SHARD_COUNT,
    maxTrades: config.MAX_TRADES,
    maxBatchBytes: config.MAX_BATCH_BYTES,
    graceMs: config.GRACE_MS,
  };
}

/** By what records are judged. */
export function intakeOptions(config: IngestConfig): IntakeOptions {
  const { DISORDER_MS: disorderMs, GRACE_MS: graceMs, REPLAY_SPEED: speed } = config;
  const isReplay = speed !== undefined;
  return {
    clock: { disorderMs, graceMs, speed: speed === Number.POSITIVE_INFINITY ? speed : 1 },
    aheadMs: config.AHEAD_MS,
    horizonMs: config.HORIZON_MS,
    memoryMs: config.MEMORY_MS,
    memoryMinTrades: isReplay ? REPLAY_MEMORY_TRADES : 0,
    isReplay,
  };
}

/** How much may wait for Kafka. */
export function bufferOptions(config: IngestConfig): BufferBoundOptions {
  return {
    maxRecords: config.BUFFER_MAX_RECORDS,
    maxBytes: config.BUFFER_MAX_BYTES,
    canWait: config.REPLAY_SPEED !== undefined || config.FEED_URL.startsWith(TOPIC_SCHEME),
  };
}
