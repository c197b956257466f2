import type { FeedGap } from '@kandle/market/feed/feed-gap';
import type { GapSpan } from '@kandle/market/window/gap-spans';
import { gapWindows, noteGap, type ShardState } from '@kandle/market/window/shard-state';
import { isComplete, isFinal, markIncomplete } from '@kandle/market/window/window-state';
import { RetryableError } from '@kandle/runtime/errors';
import { NO_COUNTS } from './metrics.ts';
import type { AggregateDeps } from './deps.ts';
import type { WindowKey } from './stores.ts';

type GapDeps = Pick<
  AggregateDeps,
  'windows' | 'shards' | 'cache' | 'candles' | 'counts' | 'expiryMs' | 'maxAttempts' | 'backOff'
>;

/**
 * How much longer than a batch may be counted a gap is remembered: a batch's trades are up to the horizon of
 * transform older than the batch.
 */
const RETAIN_MARGIN_MS = 86_400_000;

/** Windows of a gap that are written at once. */
const AT_ONCE = 8;

/**
 * Marks every window that a gap touches as incomplete, and publishes the candles of those that were final as revised.
 *
 * The gap goes into the shard's row first. A window that is written for the first time later was registered after
 * that, and so by somebody who saw the gap; every other one is on the `open` list by then, or was closed, and is
 * marked here, whoever wins the race for it. A window that is incomplete already is only published again, for the
 * first try may have died before that: duplicates, any order and crashes end in the same candles.
 *
 * @throws {RetryableError} If a race is lost too often, or the database or Kafka is away.
 */
export async function markGap(deps: GapDeps, gap: FeedGap): Promise<void> {
  const span: GapSpan = [gap.fromMs, gap.toMs];
  const retainMs = deps.expiryMs + RETAIN_MARGIN_MS;
  const shard = await noteInShard(deps, gap.shard, span, retainMs);
  const { open, closed } = gapWindows(shard, span, retainMs);
  const written = closed === null ? [] : await deps.windows.written(gap.shard, closed[0], closed[1]);
  const touched = [...new Set([...open, ...written])].toSorted((a, b) => a - b);
  // One iterator for all: each takes the next window when it is done with one.
  const work = touched.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const windowStartMs of work) await markWindow(deps, { shard: gap.shard, windowStartMs });
    }),
  );
}

async function noteInShard(
  deps: GapDeps,
  name: string,
  span: GapSpan,
  retainMs: number,
): Promise<ShardState> {
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    const shard = await deps.shards.read(name);
    const next = noteGap(shard, span, retainMs);
    if (next === null) return shard;
    if ((await deps.shards.compareAndSet(name, next)) === 'applied') return next;
    await deps.backOff(attempt);
  }
  throw new RetryableError(`Cannot note a gap of ${name}: lost every race`);
}

async function markWindow(deps: GapDeps, key: WindowKey): Promise<void> {
  const counts = deps.counts ?? NO_COUNTS;
  const cached = deps.cache.get(key);
  // What memory says may be old, but a final window must be published as it is now.
  let window = cached === undefined || isFinal(cached) ? await deps.windows.read(key) : cached;
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    if (!isComplete(window)) {
      if (isFinal(window)) await deps.candles.publishFinal(key, window);
      return;
    }
    const next = markIncomplete(window);
    deps.cache.drop(key);
    const outcome = await deps.windows.compareAndSet(key, next, []);
    if (outcome === 'applied') {
      counts.incompleteWindows.add(1);
      if (isFinal(next)) {
        counts.revisedCandles.add(next.rows.size);
        await deps.candles.publishRevised(key, next, [...next.rows.keys()]);
      } else deps.cache.set(key, next);
      return;
    }
    if (attempt > 0 || outcome === 'unknown') await deps.backOff(attempt);
    window = await deps.windows.read(key);
  }
  throw new RetryableError(`Cannot mark window ${key.windowStartMs} of ${key.shard}: lost every race`);
}
