/** How many schedules a test runs, each by a seed of its own. */
export interface SeededRuns {
  readonly count: number;
  /**
   * Judges every seed's schedule, `lanes` of them side by side.
   *
   * @returns `seed <n>: <faults>` for each with a fault.
   */
  judge(faultsOf: (seed: number) => Promise<readonly string[]>, lanes?: number): Promise<readonly string[]>;
}

/** As many runs as `SCHEDULES` in the environment says, or as usual; from `FIRST_SEED` on, or from 1. */
export function seededRuns(usual: number): SeededRuns {
  const count = Number(process.env['SCHEDULES'] ?? usual);
  const first = Number(process.env['FIRST_SEED'] ?? 1);
  return {
    count,
    async judge(faultsOf, lanes = 1) {
      const wrong: string[] = [];
      const seeds = Array.from({ length: count }, (_, n) => first + n).values();
      const run = async (): Promise<void> => {
        for (const seed of seeds) {
          const faults = await faultsOf(seed);
          if (faults.length > 0) wrong.push(`seed ${seed}: ${faults.join(', ')}`);
        }
      };
      await Promise.all(Array.from({ length: lanes }, run));
      return wrong;
    },
  };
}
