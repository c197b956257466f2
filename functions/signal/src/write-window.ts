import type { StateWindow } from '@kandle/market/signal/series-state';
import type { WindowKey } from '@kandle/market/window/window';
import type { CasOutcome } from '@kandle/runtime/conditional';
import { countWrite, NO_METRICS, type SignalMetrics } from './metrics.ts';
import type { StateMemory } from './state-memory.ts';
import type { StateStore } from './stores.ts';

/** What a window is written with. */
export interface WriteDeps {
  readonly states: StateStore;
  readonly memory: StateMemory;
  /** Left out where nobody counts. */
  readonly metrics?: SignalMetrics;
}

/** A window's next version, and the symbols whose rows differ from the version before. */
export interface WindowWrite {
  /** The changes that the window's hour had had when it was as it was before. */
  readonly changes: number;
  readonly before: StateWindow;
  readonly next: StateWindow;
  readonly changed: readonly string[];
}

/**
 * Writes a window, if nobody else wrote to its hour. Any result but "applied", an exception included, leaves no
 * memory of it.
 */
export async function writeWindow(
  { states, memory, metrics = NO_METRICS }: WriteDeps,
  key: WindowKey,
  write: WindowWrite,
): Promise<CasOutcome> {
  const suspended = memory.suspend(key);
  const outcome = await states.compareAndSet(key, write.next, write.changes);
  countWrite(metrics, outcome, write);
  if (outcome === 'applied') memory.resume(key, write.next, write.changes, suspended);
  return outcome;
}
