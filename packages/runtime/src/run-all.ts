import pLimit from 'p-limit';

/**
 * Runs a task for every item and resolves when all have ended.
 *
 * After a failure it begins no further task, waits for those under way, and rejects with the first error:
 * nothing runs on behind the caller's back.
 */
export type RunAll = <Item>(items: Iterable<Item>, task: (item: Item) => Promise<void>) => Promise<void>;

/** @param concurrency Most tasks at once, over all callers of what is returned; first come, first served. */
export function createRunAll(concurrency: number): RunAll {
  const limit = pLimit(concurrency);
  return async (items, task) => {
    const failures: unknown[] = [];
    const runs = Array.from(items, (item) =>
      limit(async () => {
        if (failures.length > 0) return;
        try {
          await task(item);
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    await Promise.all(runs);
    if (failures.length > 0) throw failures[0];
  };
}
