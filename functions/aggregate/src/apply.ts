import type { Candle } from '@kandle/market/candle/candle';
import type { BatchHeader } from '@kandle/market/event/batch-header';
import { beforeFirstWrite } from '@kandle/market/window/before-first-write';
import { ABSENT_WINDOW, holdsBatch, isFinal, mergeBatch } from '@kandle/market/window/window-state';
import { type ChangedWindow, changeWindow } from './change.ts';
import type { AggregateDeps, BatchWork } from './deps.ts';
import { NO_METRICS } from './metrics.ts';

type MergeDeps = Pick<AggregateDeps, 'windows' | 'cache' | 'metrics' | 'maxAttempts' | 'backOff'>;
type PublishDeps = Pick<AggregateDeps, 'candles' | 'metrics' | 'wallMs' | 'behindMs'>;

/** Candles of a batch, by their symbols, and of which window. */
export interface WindowCandles {
  readonly windowStartMs: number;
  readonly candles: ReadonlyMap<string, Candle>;
}

/**
 * Merges one batch's candles into one window, exactly once; a batch that the window holds already is not merged
 * again.
 *
 * @throws {RetryableError} If the race for the window is lost too often, or the database is away.
 */
export async function mergeIntoWindow(
  deps: MergeDeps,
  { batch, position, fresh, shard }: BatchWork,
  { windowStartMs, candles }: WindowCandles,
): Promise<ChangedWindow> {
  const key = { shard: batch.shard, windowStartMs };
  return await changeWindow(deps, key, {
    action: 'merge into',
    // A window that was only just registered is taken for new; the condition on the version finds out if it is
    // not.
    known: deps.cache.get(key) ?? (fresh.has(windowStartMs) ? ABSENT_WINDOW : undefined),
    change(found, last) {
      if (!holdsBatch(found, position)) {
        const before = beforeFirstWrite(found, shard, windowStartMs);
        return mergeBatch(before, position, candles, batch.backfilled !== undefined);
      }
      // After a write it is our own, whose outcome was unknown.
      if (last === null) (deps.metrics ?? NO_METRICS).duplicates.add(1);
      return null;
    },
  });
}

/**
 * Publishes what the merge has changed. Of a final window that held the batch already all candles are published
 * again, because the first try may have died between the transaction and the event.
 *
 * @returns True if it was such a repeat into a final window.
 * @throws {RetryableError} If Kafka is away.
 */
export async function publishMerged(
  deps: PublishDeps,
  { batch }: Pick<BatchWork, 'batch'>,
  { windowStartMs, candles }: WindowCandles,
  { window, written }: ChangedWindow,
): Promise<boolean> {
  const metrics = deps.metrics ?? NO_METRICS;
  const key = { shard: batch.shard, windowStartMs };
  if (written === null) {
    if (isFinal(window)) await deps.candles.publishFinal(key, window, batch);
    return isFinal(window);
  }
  if (isFinal(window)) {
    for (const { tradeCount } of candles.values()) metrics.lateTrades.add(tradeCount);
    metrics.revisedCandles.add(written.length);
    await deps.candles.publishRevised(key, window, written, batch);
  } else if (!isBehind(deps, batch)) await deps.candles.publishProvisional(key, window, batch);
  return false;
}

/**
 * True if the batch has waited so long that its shard is behind: nobody watches its open windows, and their
 * final candles come the sooner.
 */
function isBehind(
  { wallMs, behindMs }: Pick<AggregateDeps, 'wallMs' | 'behindMs'>,
  batch: BatchHeader,
): boolean {
  return wallMs() - batch.ingestTimeMs > behindMs;
}
