import type { RepairStep } from './plan-repair.ts';

/** What was done, or would be. */
export interface RepairSummary extends RepairCounts {
  readonly isDryRun: boolean;
  /** What undoes it; null for what was only tried. */
  readonly name: string | null;
  /** What was not repaired, and why. */
  readonly left: readonly string[];
}

/** Numbers of what is written. */
interface RepairCounts {
  readonly windows: number;
  readonly candleEvents: number;
  readonly candleRows: number;
  readonly tradeRows: number;
  readonly gapRows: number;
  readonly rollupRows: number;
  /** Rows that were written over a later write: versions of them that are older than that write stay hidden. */
  readonly writtenOver: number;
}

/** What one step of a repair came to. */
export interface StepOutcome extends RepairCounts {
  readonly left: readonly string[];
}

/** Nothing was done. */
export const NOTHING_DONE: StepOutcome = {
  windows: 0,
  candleEvents: 0,
  candleRows: 0,
  tradeRows: 0,
  gapRows: 0,
  rollupRows: 0,
  writtenOver: 0,
  left: [],
};

/** What a step writes when all of it is done. */
export function countsOf({ window, events, rows, left }: RepairStep): StepOutcome {
  const count = (isWanted: (table: string) => boolean): number =>
    rows.filter(({ table }) => isWanted(table)).length;
  return {
    ...NOTHING_DONE,
    windows: window === null ? 0 : 1,
    candleEvents: events.reduce((sum, { candles }) => sum + candles.length, 0),
    candleRows: count((table) => table === 'candles_5s'),
    tradeRows: count((table) => table === 'trades'),
    gapRows: count((table) => table === 'feed_gaps'),
    rollupRows: count((table) => table !== 'candles_5s' && table.startsWith('candles_')),
    left,
  };
}

/** The sum of what the steps of a repair came to. @param name The repair's, null if it was only tried. */
export function summaryOf(outcomes: readonly StepOutcome[], name: string | null): RepairSummary {
  const sum = (count: keyof RepairCounts): number =>
    outcomes.reduce((total, outcome) => total + outcome[count], 0);
  return {
    isDryRun: name === null,
    name,
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
