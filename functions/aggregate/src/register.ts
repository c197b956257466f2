import { registerWindows, type ShardState } from '@kandle/market/window/shard-state';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { isFinal } from '@kandle/market/window/window-state';
import { changeShard } from './change.ts';
import type { AggregateDeps, BatchWork } from './deps.ts';

type RegisterDeps = Pick<AggregateDeps, 'shards' | 'windows' | 'cache' | 'maxAttempts' | 'backOff'>;

/**
 * Puts the windows that a batch is about to write into the shard's `open` list, unless they are final, and
 * takes off in the same transaction what is done.
 *
 * It must be durable before the first write to a window, or a crash could leave a window that nobody closes.
 */
export async function registerOpenWindows(
  deps: RegisterDeps,
  work: BatchWork,
  touched: readonly number[],
): Promise<void> {
  let missing: readonly number[] = [];
  const known = work.shard;
  work.shard = await changeShard(deps, work.batch.shard, {
    action: 'register windows',
    known,
    async change(shard) {
      missing = await unlisted(deps, shard, { name: work.batch.shard, touched });
      return registerWindows(shard, missing, work.done);
    },
  });
  // None are missing where the last row that was read lists them all.
  if (missing.length === 0) return;
  for (const windowStartMs of missing) work.fresh.add(windowStartMs);
  work.done = null;
}

/** Those of the windows that belong on the `open` list and are not there. */
async function unlisted(
  deps: RegisterDeps,
  shard: ShardState,
  { name, touched }: { readonly name: string; readonly touched: readonly number[] },
): Promise<readonly number[]> {
  const missing: number[] = [];
  for (const windowStartMs of touched) {
    if (shard.open.includes(windowStartMs)) continue;
    if (!(await isKnownFinal(deps, shard, { shard: name, windowStartMs }))) missing.push(windowStartMs);
  }
  return missing;
}

/**
 * True if the window is final for sure. A window beyond what is closed is taken for open without a look: to
 * list a final one in `open` costs one needless closing round, and no more.
 */
async function isKnownFinal(deps: RegisterDeps, shard: ShardState, key: WindowKey): Promise<boolean> {
  const cached = deps.cache.get(key);
  if (cached !== undefined && isFinal(cached)) return true;
  if (shard.closedToMs === null || key.windowStartMs + WINDOW_MS > shard.closedToMs) return false;
  const window = await deps.windows.read(key);
  deps.cache.set(key, window);
  return isFinal(window);
}
