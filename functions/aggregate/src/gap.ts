import type { FeedGap } from '@kandle/market/feed/feed-gap';
import type { GapSpan } from '@kandle/market/window/gap-spans';
import { gapWindows, noteGap } from '@kandle/market/window/shard-state';
import type { WindowKey } from '@kandle/market/window/window';
import { isComplete, isFinal, markIncomplete } from '@kandle/market/window/window-state';
import { createRunAll } from '@kandle/runtime/run-all';
import { changeShard, changeWindow, WINDOWS_AT_ONCE } from './change.ts';
import type { AggregateDeps } from './deps.ts';
import { NO_METRICS } from './metrics.ts';

type GapDeps = Pick<
  AggregateDeps,
  'windows' | 'shards' | 'cache' | 'candles' | 'metrics' | 'expiryMs' | 'maxAttempts' | 'backOff'
>;

/**
 * How much longer than a batch may be counted a gap is remembered: a batch's trades are up to the horizon of
 * transform older than the batch.
 */
const RETAIN_MARGIN_MS = 86_400_000;

/**
 * Marks every window that a gap touches as incomplete, and publishes the candles of those that were final as
 * revised.
 *
 * The gap goes into the shard's row first. A window that is written for the first time later was registered
 * after that, and so by somebody who saw the gap; every other one is on the `open` list by then, or was closed,
 * and is marked here, whoever wins the race for it. A window that is incomplete already is only published
 * again, for the first try may have died before that: duplicates, any order and crashes end in the same
 * candles.
 *
 * @throws {RetryableError} If a race is lost too often, or the database or Kafka is away.
 */
export async function markGap(deps: GapDeps, gap: FeedGap): Promise<void> {
  const span: GapSpan = [gap.fromMs, gap.toMs];
  const retainMs = deps.expiryMs + RETAIN_MARGIN_MS;
  const shard = await changeShard(deps, gap.shard, {
    action: 'note a gap',
    change: (found) => noteGap(found, span, retainMs),
  });
  const { open, closed } = gapWindows(shard, span, retainMs);
  const written = closed === null ? [] : await deps.windows.written(gap.shard, closed[0], closed[1]);
  const touched = [...new Set([...open, ...written])].toSorted((a, b) => a - b);
  await createRunAll(WINDOWS_AT_ONCE)(touched, (windowStartMs) =>
    markWindow(deps, { shard: gap.shard, windowStartMs }, gap),
  );
}

async function markWindow(deps: GapDeps, key: WindowKey, { sampled }: FeedGap): Promise<void> {
  const metrics = deps.metrics ?? NO_METRICS;
  const cached = deps.cache.get(key);
  const { window, written } = await changeWindow(deps, key, {
    action: 'mark',
    // What memory says may be old, but a final window must be published as it is now.
    known: cached !== undefined && isFinal(cached) ? undefined : cached,
    change: (found) => (isComplete(found) ? { next: markIncomplete(found), changed: [] } : null),
  });
  if (written !== null) metrics.incompleteWindows.add(1);
  if (!isFinal(window)) return;
  if (written === null) return await deps.candles.publishFinal(key, window, { sampled });
  metrics.revisedCandles.add(window.rows.size);
  await deps.candles.publishRevised(key, window, [...window.rows.keys()], { sampled });
}
