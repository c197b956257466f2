import type { GapReason } from '@kandle/market/feed/feed-gap';
import type { ShardMap } from '../shard-map.ts';

/** When a feed was away, in its own time. */
export interface Outage {
  readonly reason: GapReason;
  /** The last proof that the line was alive. */
  readonly aliveMs: number;
  readonly backMs: number;
}

/** What the gap of a shard is computed from: its newest event time, and when that was reached. */
export interface LastSeen {
  readonly maxEventTimeMs: number;
  readonly reachedAtMs: number;
}

/**
 * The range of event time that a shard may lack after an outage: from where the feed's time was when the line was last
 * alive, less the disorder, for what was still under way may be that old, to where it is now.
 */
export function outageSpan(
  { maxEventTimeMs, reachedAtMs }: LastSeen,
  { aliveMs, backMs }: Pick<Outage, 'aliveMs' | 'backMs'>,
  disorderMs: number,
): { readonly fromMs: number; readonly toMs: number } {
  const quietMs = Math.max(0, Math.floor(aliveMs - reachedAtMs));
  const awayMs = Math.max(quietMs, Math.floor(backMs - reachedAtMs));
  return { fromMs: maxEventTimeMs + quietMs - disorderMs, toMs: maxEventTimeMs + awayMs };
}

/**
 * Notes an outage as a gap of every shard that has a subscribed symbol and was ever seen.
 *
 * @returns Number of gaps.
 */
export function noteOutage(
  shards: ShardMap,
  symbols: readonly string[],
  outage: Outage,
  disorderMs: number,
): number {
  let gaps = 0;
  for (const shard of new Set(symbols.map((symbol) => shards.shardOf(symbol)))) {
    if (shard.clock === null) continue;
    // After a restart nothing but the wall clock knows how long the shard has been away.
    const isRestart = outage.reason === 'restarted';
    const reachedAtMs = isRestart ? shard.lastIngestMs : shard.clock.reachedAtMs;
    const span = outageSpan({ maxEventTimeMs: shard.clock.maxEventTimeMs, reachedAtMs }, outage, disorderMs);
    shard.buffer.addGap({ shard: shard.name, ...span, reason: outage.reason, droppedRecords: 0 });
    gaps += 1;
  }
  return gaps;
}
