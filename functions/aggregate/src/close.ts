import { beforeFirstWrite } from '@kandle/market/window/before-first-write';
import { dueLimitMs, dueWindows, type ShardState, takeOffOpen } from '@kandle/market/window/shard-state';
import { closedToOf, WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { closeWindow, isFinal, type WindowState } from '@kandle/market/window/window-state';
import { changeShard, changeWindow } from './change.ts';
import type { AggregateDeps, BatchWork } from './deps.ts';

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
  const { batch } = work;
  work.shard = await changeShard(deps, batch.shard, {
    action: 'close windows',
    async change(shard) {
      const limitMs = dueLimitMs(shard, batch.watermarkMs, deps.graceMs);
      const due = dueWindows(shard, touched, limitMs);
      for (const windowStartMs of due) {
        const key = { shard: batch.shard, windowStartMs };
        const final = await makeFinal(deps, key, shard);
        await deps.candles.publishFinal(key, final, batch);
      }
      return takeOffOpen(shard, due, limitMs);
    },
  });
}

/**
 * True if the watermark crosses a boundary beyond what is known closed, or an open window just touched is
 * already due. The shard's row as remembered is enough to ask: an older row only asks once too often.
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
  const cached = deps.cache.get(key);
  const { window } = await changeWindow(deps, key, {
    action: 'close',
    // A final window in memory may have had a revision from elsewhere since: publish what is true now.
    known: cached !== undefined && isFinal(cached) ? undefined : cached,
    change(found) {
      if (isFinal(found)) return null;
      return { next: closeWindow(beforeFirstWrite(found, shard, key.windowStartMs)), changed: [] };
    },
  });
  return window;
}
