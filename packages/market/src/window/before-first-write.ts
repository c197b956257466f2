import { touchesGap } from './gap-spans.ts';
import type { ShardState } from './shard-state.ts';
import { ABSENT_INCOMPLETE_WINDOW, type WindowState } from './window-state.ts';

/**
 * The window that a write begins from: one that was never written is incomplete from the start, if its shard
 * knows of a gap there. One that exists is marked by the gap's own event.
 */
export function beforeFirstWrite(window: WindowState, shard: ShardState, windowStartMs: number): WindowState {
  return window.version === 0 && touchesGap(shard.gaps, windowStartMs) ? ABSENT_INCOMPLETE_WINDOW : window;
}
