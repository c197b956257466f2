import pLimit from 'p-limit';

/**
 * Runs a task for every item and resolves, when all have ended, to what they return, in the order of the items.
 *
 * After a failure it begins no further task, waits for those under way, and rejects with the first error:
 * nothing runs on behind the caller's back.
 */
export type RunAll = <Item, Result>(
  items: Iterable<Item>,
  task: (item: Item) => Promise<Result>,
) => Promise<Result[]>;

/** @param concurrency Most tasks at once, over all callers of what is returned; first come, first served. */
export function createRunAll(concurrency: number): RunAll {
  const limit = pLimit(concurrency);
  return async <Item, Result>(items: Iterable<Item>, task: (item: Item) => Promise<Result>) => {
    const failures: unknown[] = [];
    const results: Result[] = [];
    const runs = Array.from(items, (item, index) =>
      limit(async () => {
        if (failures.length > 0) return;
        try {
          results[index] = await task(item);
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    await Promise.all(runs);
    if (failures.length > 0) throw failures[0];
    return results;
  };
}
