import { windowDueMs, windowStartOf } from '@kandle/market/window/window';

/**
 * The windows of one shard that still wait for a batch that closes them: one whose watermark has reached their
 * end plus grace, sent with or after their last trade.
 *
 * A trade that is late holds its old window again; the batch that carries it closes it too, because its
 * watermark is past already.
 */
export interface WaitingWindows {
  /** A trade of this event time goes into a batch. */
  hold(eventTimeMs: number): void;
  /** A batch with this watermark follows everything held so far. */
  cover(watermarkMs: number): void;
  /** True if a batch with this watermark would close a window. */
  isDue(watermarkMs: number): boolean;
}

/** No window waits. @param graceMs How long after its end a window stays open. */
export function createWaitingWindows(graceMs: number): WaitingWindows {
  const dueTimes = new Set<number>();
  let earliestMs = Number.POSITIVE_INFINITY;
  let lastHeldMs = Number.NaN;

  return {
    hold(eventTimeMs) {
      const dueMs = windowDueMs(windowStartOf(eventTimeMs), graceMs);
      if (dueMs === lastHeldMs) return;
      lastHeldMs = dueMs;
      dueTimes.add(dueMs);
      earliestMs = Math.min(earliestMs, dueMs);
    },
    cover(watermarkMs) {
      if (watermarkMs < earliestMs) return;
      for (const dueMs of dueTimes) if (dueMs <= watermarkMs) dueTimes.delete(dueMs);
      earliestMs = Math.min(...dueTimes);
      lastHeldMs = Number.NaN;
    },
    isDue: (watermarkMs) => earliestMs <= watermarkMs,
  };
}
