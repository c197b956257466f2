import { fnv1a64 } from '../number/hash.ts';

/** What a feed's name looks like: it begins its shards and is part of every view key. */
export const FEED_NAME = /^[a-z][a-z0-9-]{0,30}$/;

/**
 * The shard of a symbol, such as `finnhub-03`: a stable hash of the symbol modulo the feed's shard count.
 *
 * A feed's shard count never changes; another count is a new shard family.
 *
 * @throws {RangeError} If the count is not between 1 and 100.
 */
export function shardOf(feed: string, symbol: string, shardCount: number): string {
  return shardName(feed, fnv1a64(symbol).low % checkedCount(shardCount));
}

/** All shards of a feed, in order. */
export function shardsOf(feed: string, shardCount: number): readonly string[] {
  return Array.from({ length: checkedCount(shardCount) }, (_, index) => shardName(feed, index));
}

/** The feed that a shard belongs to: `finnhub` for `finnhub-03`. */
export function feedOfShard(shard: string): string {
  return shard.slice(0, shard.lastIndexOf('-'));
}

/**
 * The feed of a shard that an event's data names.
 *
 * @throws {RangeError} If it is not that of a feed, as `finnhub-03` is.
 */
export function checkedFeedOf(shard: string): string {
  const feed = feedOfShard(shard);
  if (!/-\d{2}$/.test(shard) || !FEED_NAME.test(feed)) throw new RangeError('the shard names no feed');
  return feed;
}

function shardName(feed: string, index: number): string {
  return `${feed}-${String(index).padStart(2, '0')}`;
}

function checkedCount(shardCount: number): number {
  if (!Number.isInteger(shardCount) || shardCount < 1 || shardCount > 100) {
    throw new RangeError(`Cannot shard: ${shardCount} is not a shard count between 1 and 100`);
  }
  return shardCount;
}
