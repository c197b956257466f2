import type { Candle } from '@kandle/market/candle/candle';
import { ABSENT_WINDOW, holdsBatch, isFinal, mergeBatch } from '@kandle/market/window/window-state';
import { RetryableError } from '@kandle/runtime/errors';
import { NO_COUNTS } from './metrics.ts';
import type { AggregateDeps, BatchWork } from './deps.ts';
import { beforeFirstWrite } from '@kandle/market/window/before-first-write';

/**
 * Merges one batch's candles into one window, exactly once, and publishes what changed.
 *
 * A batch that the window holds already is not merged again; if the window is final, its candles are published
 * again, because the first try may have died between the transaction and the event.
 *
 * @returns True if it was such a repeat into a final window.
 * @throws {RetryableError} If the race for the window is lost too often, or the database or Kafka is away.
 */
export async function applyToWindow(
  deps: Pick<AggregateDeps, 'windows' | 'cache' | 'candles' | 'counts' | 'maxAttempts' | 'backOff'>,
  { batch, position, fresh, shard }: BatchWork,
  windowStartMs: number,
  candles: ReadonlyMap<string, Candle>,
): Promise<boolean> {
  const counts = deps.counts ?? NO_COUNTS;
  const key = { shard: batch.shard, windowStartMs };
  // A window that was only just registered is taken for new; the condition on the version finds out if it is not.
  let window =
    deps.cache.get(key) ?? (fresh.has(windowStartMs) ? ABSENT_WINDOW : await deps.windows.read(key));
  for (let attempt = 0; attempt < deps.maxAttempts; attempt++) {
    if (holdsBatch(window, position)) {
      // On a later attempt it is our own, whose outcome was unknown.
      if (attempt === 0) counts.duplicates.add(1);
      if (isFinal(window)) await deps.candles.publishFinal(key, window, batch.traceparent);
      return isFinal(window);
    }
    const { next, changed } = mergeBatch(beforeFirstWrite(window, shard, windowStartMs), position, candles);
    // Any result but "applied", an exception included, leaves no memory of the window.
    deps.cache.drop(key);
    const outcome = await deps.windows.compareAndSet(key, next, changed);
    if (outcome === 'applied') {
      deps.cache.set(key, next);
      if (isFinal(next)) {
        for (const { tradeCount } of candles.values()) counts.lateTrades.add(tradeCount);
        counts.revisedCandles.add(changed.length);
        await deps.candles.publishRevised(key, next, changed, batch.traceparent);
      } else await deps.candles.publishProvisional(key, next, batch.traceparent);
      return false;
    }
    if (attempt > 0 || outcome === 'unknown') await deps.backOff(attempt);
    window = await deps.windows.read(key);
    deps.cache.set(key, window);
  }
  throw new RetryableError(`Cannot merge into window ${windowStartMs} of ${batch.shard}: lost every race`);
}
