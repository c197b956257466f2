import { closedToOf, WINDOW_MS } from './window.ts';

/**
 * What is known of a shard's windows: up to where they are closed, and which still wait to be.
 *
 * Version 0 is a shard that was never written. `closedToMs` is a window boundary; `open` holds window starts,
 * ascending, that were written and whose final candles are not acknowledged yet.
 */
export interface ShardState {
  readonly version: number;
  readonly closedToMs: number | null;
  readonly open: readonly number[];
}

/** The state of a shard that was never written. */
export const ABSENT_SHARD: ShardState = { version: 0, closedToMs: null, open: [] };

/** The shard with windows added to `open`, or null when it lists them all already. */
export function registerWindows(shard: ShardState, windowStartsMs: readonly number[]): ShardState | null {
  const open = new Set([...shard.open, ...windowStartsMs]);
  if (open.size === shard.open.length) return null;
  return { ...shard, version: shard.version + 1, open: [...open].toSorted((a, b) => a - b) };
}

/** How far windows are due: ends up to this time are closed by a watermark, or have been before. */
export function dueLimitMs(
  shard: ShardState,
  watermarkMs: number,
  graceMs: number,
  windowMs = WINDOW_MS,
): number {
  return Math.max(closedToOf(watermarkMs, graceMs, windowMs), shard.closedToMs ?? Number.NEGATIVE_INFINITY);
}

/** The windows to close, ascending: those in `open` and those just touched whose end is within the limit. */
export function dueWindows(
  shard: ShardState,
  touched: readonly number[],
  limitMs: number,
  windowMs = WINDOW_MS,
): readonly number[] {
  return [...new Set([...shard.open, ...touched])]
    .filter((startMs) => startMs + windowMs <= limitMs)
    .toSorted((a, b) => a - b);
}

/** The shard after the windows' final candles were acknowledged, or null when that changes nothing. */
export function settleWindows(
  shard: ShardState,
  closed: readonly number[],
  limitMs: number,
): ShardState | null {
  const open = shard.open.filter((startMs) => !closed.includes(startMs));
  const closedToMs = shard.closedToMs === null ? limitMs : Math.max(limitMs, shard.closedToMs);
  if (open.length === shard.open.length && closedToMs === shard.closedToMs) return null;
  return { version: shard.version + 1, closedToMs, open };
}
