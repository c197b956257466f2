import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { Client } from 'cassandra-driver';
import type { Wrongs } from '../compare/wrongs.ts';
import type { Stored } from '../read/stored.ts';
import { describePlace, planRepair, type RepairStep } from './plan-repair.ts';
import type { WindowPlan } from './plan-window.ts';
import type { RowChange } from './rows.ts';
import { type RepairSummary, type StepOutcome, summaryOf } from './summary.ts';
import { removeViewRow, writeViewRow, type Written } from './view-rows.ts';
import { writeWindow } from './write-window.ts';

/** What a repair works with. */
export interface RepairDeps {
  readonly client: Client;
  readonly stored: Stored;
  readonly producer: Pick<EventProducer, 'send'>;
  readonly candlesTopic: string;
  /** True tells what would be done, and does nothing. */
  readonly isDryRun: boolean;
  /** Wall clock, for rows that a wall clock has written over. */
  readonly nowMs: () => number;
  readonly onProgress: (line: string) => void;
}

/**
 * Puts right what an audit has found wrong. Windows by a transaction on the version that was judged; then the candles
 * are published; then the rows of the views are written as persist would write them, and read back.
 *
 * Repeatable: what was put right is not found wrong again.
 */
export async function repair(deps: RepairDeps, wrongs: Wrongs): Promise<RepairSummary> {
  const outcomes: StepOutcome[] = [];
  for (const step of await planRepair(wrongs, deps.stored)) outcomes.push(await doStep(deps, step));
  return summaryOf(outcomes, deps.isDryRun);
}

async function doStep(deps: RepairDeps, step: RepairStep): Promise<StepOutcome> {
  const { window, events, rows } = step;
  if (window !== null) {
    deps.onProgress(describeChange(window));
    if (!deps.isDryRun && !(await writeWindow(deps.client, window)))
      return {
        ...NOTHING,
        left: [`window ${describePlace(window)}: it has changed meanwhile; audit again`],
      };
  }
  for (const batch of events) {
    deps.onProgress(`publish ${batch.candles.length} candles of ${describePlace(batch)} as ${batch.kind}`);
    if (!deps.isDryRun) await deps.producer.send(deps.candlesTopic, formatCandleBatch(batch));
  }
  const written: Written[] = [];
  for (const change of rows) written.push(await changeRow(deps, change));
  return {
    ...countsOf(step),
    writtenOver: written.filter((way) => way === 'over a later write').length,
    left: step.left,
  };
}

async function changeRow(deps: RepairDeps, { action, row }: RowChange): Promise<Written> {
  deps.onProgress(`${action} a row of ${row.table}: ${Object.values(row.key).join(' ')}`);
  if (deps.isDryRun) return 'in its place';
  if (action === 'write') return writeViewRow(deps.client, row, deps.nowMs());
  await removeViewRow(deps.client, row);
  return 'in its place';
}

function describeChange(plan: WindowPlan): string {
  const { before, next, changed, removed } = plan;
  return (
    `window ${describePlace(plan)}: version ${before?.version ?? 'none'} → ${next.version}, ` +
    `rows ${changed.join(', ') || 'none'}${removed.length > 0 ? `, without ${removed.join(', ')}` : ''}`
  );
}

const NOTHING: StepOutcome = {
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
function countsOf({ window, events, rows }: RepairStep): StepOutcome {
  const tables = rows.map(({ row }) => row.table);
  const count = (isWanted: (table: string) => boolean): number => tables.filter(isWanted).length;
  return {
    ...NOTHING,
    windows: window === null ? 0 : 1,
    candleEvents: events.reduce((sum, { candles }) => sum + candles.length, 0),
    candleRows: count((table) => table === 'candles_5s'),
    tradeRows: count((table) => table === 'trades'),
    gapRows: count((table) => table === 'feed_gaps'),
    rollupRows: count((table) => table !== 'candles_5s' && table.startsWith('candles_')),
  };
}
