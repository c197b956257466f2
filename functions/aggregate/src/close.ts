import { dueLimitMs, dueWindows, settleWindows, type ShardState } from '@kandle/market/window/shard-state';
import { closeWindow, isFinal, type WindowState } from '@kandle/market/window/window-state';
import { closedToOf, WINDOW_MS } from '@kandle/market/window/window';
import { RetryableError } from '@kandle/runtime/errors';
import type { AggregateDeps, BatchWork } from './deps.ts';
import { beforeFirstWrite } from '@kandle/market/window/before-first-write';
import type { WindowKey } from './stores.ts';

type CloseDeps = Pick<
  AggregateDeps,
  'windows' | 'shards' | 'cache' | 'candles' | 'graceMs' | 'maxAttempts' | 'backOff'
>;

/**
 * Closes the windows that the batch's watermark makes due: final by a transaction each, candles published and
 * acknowledged, and only then taken off the shard's `open` list.
 *
 * A crash anywhere in between leaves them on the list, and the next batch of the shard goes through them again.
 */
export async function closeDueWindows(
  deps: CloseDeps,
  work: BatchWork,
  touched: readonly number[],
): Promise<void> {
  if (!isClosingDue(deps, work, touched)) return;
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    work.shard = await deps.shards.read(work.batch.shard);
    const limitMs = dueLimitMs(work.shard, work.batch.watermarkMs, deps.graceMs);
    const due = dueWindows(work.shard, touched, limitMs);
    for (const windowStartMs of due) {
      const key = { shard: work.batch.shard, windowStartMs };
      const final = await makeFinal(deps, key, work.shard);
      await deps.candles.publishFinal(key, final, work.batch.traceparent);
    }
    const next = settleWindows(work.shard, due, limitMs);
    if (next === null) return;
    if ((await deps.shards.compareAndSet(work.batch.shard, next)) === 'applied') {
      work.shard = next;
      return;
    }
    await deps.backOff(attempt);
  }
  throw new RetryableError(`Cannot close windows of ${work.batch.shard}: lost every race`);
}

/**
 * True if the watermark crosses a boundary beyond what is known closed, or an open window just touched is already
 * due. The shard's row as remembered is enough to ask: an older row only asks once too often.
 */
function isClosingDue(deps: CloseDeps, work: BatchWork, touched: readonly number[]): boolean {
  const { shard, batch } = work;
  const limitMs = dueLimitMs(shard, batch.watermarkMs, deps.graceMs);
  if (closedToOf(batch.watermarkMs, deps.graceMs) > (shard.closedToMs ?? Number.NEGATIVE_INFINITY))
    return true;
  const isDue = (windowStartMs: number): boolean => windowStartMs + WINDOW_MS <= limitMs;
  if (shard.open.some(isDue)) return true;
  return touched.some((windowStartMs) => {
    const window = deps.cache.get({ shard: batch.shard, windowStartMs });
    return isDue(windowStartMs) && !(window !== undefined && isFinal(window));
  });
}

/** The window, final: by our transaction, or as somebody else closed it. */
async function makeFinal(deps: CloseDeps, key: WindowKey, shard: ShardState): Promise<WindowState> {
  let window = deps.cache.get(key);
  // A final window in memory may have had a revision from elsewhere since: publish what is true now.
  if (window === undefined || isFinal(window)) window = await deps.windows.read(key);
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    if (isFinal(window)) {
      deps.cache.set(key, window);
      return window;
    }
    const next = closeWindow(beforeFirstWrite(window, shard, key.windowStartMs));
    deps.cache.drop(key);
    const outcome = await deps.windows.compareAndSet(key, next, []);
    if (outcome === 'applied') {
      deps.cache.set(key, next);
      return next;
    }
    if (attempt > 0 || outcome === 'unknown') await deps.backOff(attempt);
    window = await deps.windows.read(key);
  }
  throw new RetryableError(`Cannot close window ${key.windowStartMs} of ${key.shard}: lost every race`);
}
