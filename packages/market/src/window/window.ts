/** Length of a candle's window, milliseconds; windows are aligned to the Unix epoch. */
export const WINDOW_MS = 5_000;

/** A window of a shard. */
export interface WindowKey {
  readonly shard: string;
  readonly windowStartMs: number;
}

/** Start of the tumbling window `[start, start + windowMs)` that holds an event time. */
export function windowStartOf(eventTimeMs: number, windowMs = WINDOW_MS): number {
  return Math.floor(eventTimeMs / windowMs) * windowMs;
}

/** The watermark from which on a window is to be closed: its end plus the grace. */
export function windowDueMs(windowStartMs: number, graceMs: number, windowMs = WINDOW_MS): number {
  return windowStartMs + windowMs + graceMs;
}

/** The largest window end that a watermark closes, given the grace: a multiple of the window length. */
export function closedToOf(watermarkMs: number, graceMs: number, windowMs = WINDOW_MS): number {
  return Math.floor((watermarkMs - graceMs) / windowMs) * windowMs;
}
