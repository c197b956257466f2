import { addSpan, formatSpans, type GapSpan, type GapSpans, touchesGap } from './gap-spans.ts';
import { closedToOf, WINDOW_MS, windowStartOf } from './window.ts';

/**
 * What is known of a shard's windows: up to where they are closed, and which still wait to be.
 *
 * Version 0 is a shard that was never written. `closedToMs` is a window boundary; `open` holds window starts,
 * ascending, that were written and whose final candles are not acknowledged yet. `gaps` are the feed gaps that
 * a window must know of when it is first written.
 */
export interface ShardState {
  readonly version: number;
  readonly closedToMs: number | null;
  readonly open: readonly number[];
  readonly gaps: GapSpans;
}

/** The state of a shard that was never written. */
export const ABSENT_SHARD: ShardState = { version: 0, closedToMs: null, open: [], gaps: [] };

/**
 * Windows that are final and whose candles are acknowledged, but that are still on the `open` list: the shard's
 * next write takes them off, and says up to where it is closed.
 */
export interface DoneWindows {
  readonly closed: readonly number[];
  readonly limitMs: number;
}

/**
 * The shard with windows added to `open`, and done ones taken off; null when it lists them all already, for
 * to take windows off is no reason to write.
 */
export function registerWindows(
  shard: ShardState,
  windowStartsMs: readonly number[],
  done: DoneWindows | null,
): ShardState | null {
  if (windowStartsMs.every((startMs) => shard.open.includes(startMs))) return null;
  const left = withoutDone(shard, done);
  const open = new Set([...left.open, ...windowStartsMs]);
  return { ...left, version: shard.version + 1, open: [...open].toSorted((a, b) => a - b) };
}

/** The shard as it will be once what is done is taken off; its version means nothing. */
export function withoutDone(shard: ShardState, done: DoneWindows | null): ShardState {
  return (done && takeOffOpen(shard, done.closed, done.limitMs)) ?? shard;
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
export function takeOffOpen(
  shard: ShardState,
  closed: readonly number[],
  limitMs: number,
): ShardState | null {
  const open = shard.open.filter((startMs) => !closed.includes(startMs));
  const closedToMs = shard.closedToMs === null ? limitMs : Math.max(limitMs, shard.closedToMs);
  if (open.length === shard.open.length && closedToMs === shard.closedToMs) return null;
  return { ...shard, version: shard.version + 1, closedToMs, open };
}

/**
 * Most gaps that a shard's row holds, 27 characters each: more than a feed has in weeks. Beyond it the nearest
 * two become one, and windows between them count as incomplete, too.
 */
const MAX_GAPS = 200;

/**
 * The shard with one more gap, or null when it knows it already.
 *
 * @param retainMs How long before the newest closed window a gap is still of interest: no older window is
 *   written.
 */
export function noteGap(shard: ShardState, gap: GapSpan, retainMs: number): ShardState | null {
  const gaps = addSpan(shard.gaps, gap, { oldestMs: oldestKnown(shard, retainMs), maxSpans: MAX_GAPS });
  return formatSpans(gaps) === formatSpans(shard.gaps)
    ? null
    : { ...shard, version: shard.version + 1, gaps };
}

/** Where the windows stand that a gap touches. */
export interface GapWindows {
  /** Starts of those on the `open` list: written or about to be. */
  readonly open: readonly number[];
  /** First and last start among those beyond the list, which may have been closed; null if there are none. */
  readonly closed: readonly [firstMs: number, lastMs: number] | null;
}

/**
 * The windows that a gap touches and that may have been written. A window that is final and off the list ends
 * at `closedToMs` at the latest, so that a gap that is told in order has hardly a closed one.
 *
 * @param retainMs As for {@link noteGap}: closed windows are looked for no further back.
 */
export function gapWindows(shard: ShardState, gap: GapSpan, retainMs: number): GapWindows {
  const firstMs = windowStartOf(Math.max(gap[0], oldestKnown(shard, retainMs)));
  const lastMs = Math.min(windowStartOf(gap[1]), (shard.closedToMs ?? Number.NEGATIVE_INFINITY) - WINDOW_MS);
  return {
    open: shard.open.filter((startMs) => touchesGap([gap], startMs)),
    closed: firstMs <= lastMs ? [firstMs, lastMs] : null,
  };
}

function oldestKnown(shard: ShardState, retainMs: number): number {
  return (shard.closedToMs ?? 0) - retainMs;
}
