import { parseQuantity } from './quantity.ts';

const MIB = 2 ** 20;

/** A container's memory limit in MiB; null if it has none. */
export function memoryLimitMb({
  limits,
}: {
  readonly limits: Readonly<Record<string, string>>;
}): number | null {
  const { memory } = limits;
  return memory === undefined ? null : parseQuantity(memory) / MIB;
}

/**
 * MiB of one half of the young generation, the same as in Dockerfile. V8 takes 1 MiB where the heap is as small
 * as a function's, and then keeps copying what waits for a server: that was 60 % of what persist computed. 8
 * MiB cost a third more than 16, and 32 saved nothing beyond: `docs/decisions/2026-11-29-hot-path.md`.
 */
const SEMI_SPACE_MB = 16;

/**
 * By how much the heap may grow until the old generation is collected again, the same as in Dockerfile. V8
 * takes 30 % or 8 MiB where a heap is as small as a function's, and counts what lies outside of it: bodies,
 * frames, gzip. In a backlog that was a collection after ten batches, and a fifth of what transform computed:
 * `docs/decisions/2026-11-30-heap-growth.md`.
 */
const HEAP_GROWING_PERCENT = 100;

/**
 * Options that make Node keep the heap that it would keep inside a container of this limit. A laptop gives it
 * all of its memory, and V8 takes what it may have rather than collect garbage.
 */
export function nodeMemoryOptions(limitMb: number | null): readonly string[] {
  // Half of it, as Node itself takes when it sees the limit.
  return limitMb === null
    ? []
    : [
        `--max-old-space-size=${Math.floor(limitMb / 2)}`,
        `--max-semi-space-size=${SEMI_SPACE_MB}`,
        `--heap-growing-percent=${HEAP_GROWING_PERCENT}`,
      ];
}
