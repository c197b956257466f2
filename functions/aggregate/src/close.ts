import { beforeFirstWrite } from '@kandle/market/window/before-first-write';
import {
  dueLimitMs,
  dueWindows,
  type DoneWindows,
  type ShardState,
  takeOffOpen,
  withoutDone,
} from '@kandle/market/window/shard-state';
import { closedToOf, WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { closeWindow, isFinal, type WindowState } from '@kandle/market/window/window-state';
import { createRunAll } from '@kandle/runtime/run-all';
import { changeShard, changeWindow, WINDOWS_AT_ONCE } from './change.ts';
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
 * So the list is not written while it holds another window: that one is still to be closed, by a batch that
 * comes for certain, and until then the shard's next write takes them off, which usually registers a window.
 */
export async function closeDueWindows(
  deps: CloseDeps,
  work: BatchWork,
  touched: readonly number[],
): Promise<void> {
  if (!isClosingDue(deps, work, touched)) return;
  await closeDue(deps, work, { shard: work.shard, touched });
  if (withoutDone(work.shard, work.done).open.length > 0) return;
  work.shard = await changeShard(deps, work.batch.shard, {
    action: 'close windows',
    known: work.shard,
    async change(shard) {
      const { closed, limitMs } = await closeDue(deps, work, { shard, touched });
      return takeOffOpen(shard, closed, limitMs);
    },
  });
  work.done = null;
}

/** Closes and publishes what is due and not done yet; all that is done then. */
async function closeDue(
  deps: CloseDeps,
  work: BatchWork,
  { shard, touched }: { readonly shard: ShardState; readonly touched: readonly number[] },
): Promise<DoneWindows> {
  const { batch } = work;
  const limitMs = dueLimitMs(withoutDone(shard, work.done), batch.watermarkMs, deps.graceMs);
  const before = work.done?.closed ?? [];
  const due = dueWindows(shard, touched, limitMs).filter((windowStartMs) => !before.includes(windowStartMs));
  const finals = await createRunAll(WINDOWS_AT_ONCE)(due, async (windowStartMs) => {
    const key = { shard: batch.shard, windowStartMs };
    return { key, final: await makeFinal(deps, key, shard) };
  });
  // One after the other: whoever reads candles gets those of a symbol in their order.
  for (const { key, final } of finals) await deps.candles.publishFinal(key, final, batch);
  return (work.done = { closed: [...before, ...due], limitMs });
}

/**
 * True if the watermark crosses a boundary beyond what is known closed, or an open window just touched is
 * already due. The shard's row as remembered is enough to ask: an older row only asks once too often.
 */
function isClosingDue(deps: CloseDeps, work: BatchWork, touched: readonly number[]): boolean {
  const { batch } = work;
  const shard = withoutDone(work.shard, work.done);
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
