import { registerWindows } from '@kandle/market/window/shard-state';
import { isFinal } from '@kandle/market/window/window-state';
import { WINDOW_MS } from '@kandle/market/window/window';
import { RetryableError } from '@kandle/runtime/errors';
import type { AggregateDeps, BatchWork } from './deps.ts';

type RegisterDeps = Pick<AggregateDeps, 'shards' | 'windows' | 'cache' | 'maxAttempts' | 'backOff'>;

/**
 * Puts the windows that a batch is about to write into the shard's `open` list, unless they are final.
 *
 * It must be durable before the first write to a window, or a crash could leave a window that nobody closes.
 */
export async function registerOpenWindows(
  deps: RegisterDeps,
  work: BatchWork,
  touched: readonly number[],
): Promise<void> {
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    const missing: number[] = [];
    for (const windowStartMs of touched) {
      if (!work.shard.open.includes(windowStartMs) && !(await isKnownFinal(deps, work, windowStartMs))) {
        missing.push(windowStartMs);
      }
    }
    const next = registerWindows(work.shard, missing);
    if (next === null) return;
    const outcome = await deps.shards.compareAndSet(work.batch.shard, next);
    if (outcome === 'applied') {
      work.shard = next;
      for (const windowStartMs of missing) work.fresh.add(windowStartMs);
      return;
    }
    await deps.backOff(attempt);
    work.shard = await deps.shards.read(work.batch.shard);
  }
  throw new RetryableError(`Cannot register windows of ${work.batch.shard}: lost every race`);
}

/**
 * True if the window is final for sure. A window beyond what is closed is taken for open without a look: to list a
 * final one in `open` costs one needless closing round, and no more.
 */
async function isKnownFinal(deps: RegisterDeps, work: BatchWork, windowStartMs: number): Promise<boolean> {
  const key = { shard: work.batch.shard, windowStartMs };
  const cached = deps.cache.get(key);
  if (cached !== undefined && isFinal(cached)) return true;
  if (work.shard.closedToMs === null || windowStartMs + WINDOW_MS > work.shard.closedToMs) return false;
  const window = await deps.windows.read(key);
  deps.cache.set(key, window);
  return isFinal(window);
}
