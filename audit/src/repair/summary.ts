/** What was done, or would be. */
export interface RepairSummary extends RepairCounts {
  readonly isDryRun: boolean;
  /** What was not repaired, and why. */
  readonly left: readonly string[];
}

/** Numbers of what is written. */
export interface RepairCounts {
  readonly windows: number;
  readonly candleEvents: number;
  readonly candleRows: number;
  readonly tradeRows: number;
  readonly gapRows: number;
  readonly rollupRows: number;
  /** Rows that were written over a later write: their later versions are hidden until the next repair. */
  readonly writtenOver: number;
}

/** What one step of a repair came to. */
export interface StepOutcome extends RepairCounts {
  readonly left: readonly string[];
}

/** The sum of what the steps of a repair came to. */
export function summaryOf(outcomes: readonly StepOutcome[], isDryRun: boolean): RepairSummary {
  const sum = (name: keyof RepairCounts): number =>
    outcomes.reduce((total, outcome) => total + outcome[name], 0);
  return {
    isDryRun,
    windows: sum('windows'),
    candleEvents: sum('candleEvents'),
    candleRows: sum('candleRows'),
    tradeRows: sum('tradeRows'),
    gapRows: sum('gapRows'),
    rollupRows: sum('rollupRows'),
    writtenOver: sum('writtenOver'),
    left: outcomes.flatMap(({ left }) => left),
  };
}
