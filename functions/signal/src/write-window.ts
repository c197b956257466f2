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
  readonly before: StateWindow;
  readonly next: StateWindow;
  readonly changed: readonly string[];
}

/**
 * Writes a window, if nobody else did. Any result but "applied", an exception included, leaves no memory of it.
 */
export async function writeWindow(
  { states, memory, metrics = NO_METRICS }: WriteDeps,
  key: WindowKey,
  write: WindowWrite,
): Promise<CasOutcome> {
  memory.drop(key);
  const outcome = await states.compareAndSet(key, write.next, write.changed);
  countWrite(metrics, outcome, write);
  if (outcome === 'applied') memory.set(key, write.next);
  return outcome;
}
