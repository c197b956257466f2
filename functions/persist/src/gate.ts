/** Lets a bounded number of tasks run at once, over all callers. */
export interface Gate {
  /**
   * Runs a task for every item and resolves when all have ended. After a failure it begins no further task, waits
   * for those under way, and rejects with the first error.
   */
  runAll<T>(items: Iterable<T>, task: (item: T) => Promise<void>): Promise<void>;
}

/** A gate through which `limit` tasks fit. Waiting callers go first come, first served. */
export function createGate(limit: number): Gate {
  let free = limit;
  const waiting: (() => void)[] = [];

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }

  return {
    async runAll(items, task) {
      const running = new Set<Promise<void>>();
      const failures: unknown[] = [];
      for (const item of items) {
        if (free > 0) free -= 1;
        else await new Promise<void>((resolve) => waiting.push(resolve));
        if (failures.length > 0) {
          leave();
          break;
        }
        const run = task(item)
          .catch((error: unknown) => {
            failures.push(error);
          })
          .finally(() => {
            running.delete(run);
            leave();
          });
        running.add(run);
      }
      await Promise.all(running);
      if (failures.length > 0) throw failures[0];
    },
  };
}
