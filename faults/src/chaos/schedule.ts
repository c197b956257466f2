import { createRandom } from '@kandle/tooling/random';
import type { Fault } from '../catalogue/fault.ts';

/** A fault of a schedule: after a pause of load, and with chance of its own. */
export interface Planned {
  readonly fault: Fault;
  readonly pauseMs: number;
  readonly seed: number;
}

const MIN_PAUSE_MS = 3_000;
const MAX_PAUSE_MS = 12_000;

/**
 * An endless schedule of faults that its seed decides: every fault once in a random order, then all of them
 * again. When each begins depends on how long those before it take; which, in what order and with what chance
 * does not.
 */
export function* scheduleFaults(faults: readonly Fault[], seed: number): Generator<Planned, never> {
  const random = createRandom(seed);
  for (;;) {
    for (const fault of shuffled(faults, (limit) => random.below(limit))) {
      yield {
        fault,
        pauseMs: MIN_PAUSE_MS + random.below(MAX_PAUSE_MS - MIN_PAUSE_MS),
        seed: random.below(2 ** 31),
      };
    }
  }
}

/** The same items in another order (Fisher and Yates). */
function shuffled<T>(items: readonly T[], below: (limit: number) => number): readonly T[] {
  const mixed = [...items];
  for (let n = mixed.length - 1; n > 0; n--) {
    const other = below(n + 1);
    [mixed[n], mixed[other]] = [mixed[other] as T, mixed[n] as T];
  }
  return mixed;
}
