import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { Client } from 'cassandra-driver';
import { describePlace, type RepairStep } from './plan-repair.ts';
import type { WindowPlan } from './plan-window.ts';
import type { RepairLog } from './repair-log.ts';
import { countsOf, NOTHING_DONE, type RepairSummary, type StepOutcome, summaryOf } from './summary.ts';
import { changeViewRow, isAsFound, readViewRow, type RowChange, type Written } from './view-rows.ts';
import { writeWindow } from './write-window.ts';

/** What a repair works with. */
export interface RepairDeps {
  readonly client: Client;
  readonly producer: Pick<EventProducer, 'send'>;
  readonly candlesTopic: string;
  /** Where everything is written down before it is changed. */
  readonly log: RepairLog;
  /** Wall clock, for rows that a wall clock has deleted. */
  readonly wallMs: () => number;
  readonly onProgress: (line: string) => void;
}

/** What a repair would do. */
export function describeRepair(
  steps: readonly RepairStep[],
  onProgress: (line: string) => void,
): RepairSummary {
  for (const { window, events, rows } of steps) {
    if (window !== null) onProgress(describeWindow(window));
    for (const batch of events) onProgress(describeEvents(batch));
    for (const change of rows) onProgress(describeRow(change));
  }
  return summaryOf(steps.map(countsOf), null);
}

/**
 * Puts right what an audit has found wrong. Windows by a transaction on the version that was judged; then the
 * candles are published; then the rows of the views are written as persist would write them, and read back.
 * What is no longer as it was judged is left alone.
 *
 * Repeatable: what was put right is not found wrong again.
 */
export async function repair(deps: RepairDeps, steps: readonly RepairStep[]): Promise<RepairSummary> {
  const outcomes: StepOutcome[] = [];
  for (const step of steps) outcomes.push(await doStep(deps, step));
  return summaryOf(outcomes, deps.log.name);
}

async function doStep(deps: RepairDeps, step: RepairStep): Promise<StepOutcome> {
  const { window, events, rows, left } = step;
  if (window !== null) {
    deps.onProgress(describeWindow(window));
    const { shard, windowStartMs, before, next } = window;
    await deps.log.write({ kind: 'window', shard, windowStartMs, before, after: next });
    if (!(await writeWindow(deps.client, window)))
      return {
        ...NOTHING_DONE,
        left: [...left, `window ${describePlace(window)}: it has changed meanwhile; audit again`],
      };
  }
  for (const batch of events) {
    deps.onProgress(describeEvents(batch));
    await deps.producer.send(deps.candlesTopic, formatCandleBatch(batch));
  }
  const done: RowChange[] = [];
  const written: Written[] = [];
  const changed: string[] = [];
  for (const change of rows) {
    const outcome = await changeRow(deps, change);
    if (outcome === null) changed.push(`${describeRow(change)}: it has changed meanwhile; audit again`);
    else {
      done.push(change);
      written.push(outcome);
    }
  }
  return {
    ...countsOf({ ...step, rows: done }),
    writtenOver: written.filter((way) => way === 'over a later write').length,
    left: [...left, ...changed],
  };
}

/** @returns Null if the row is no longer as it was judged. */
async function changeRow(deps: RepairDeps, change: RowChange): Promise<Written | null> {
  const { table, key, found, wanted } = change;
  const current = await readViewRow(deps.client, change);
  // Persist may have taken the candle that was just published.
  if (isAsFound(current, wanted)) return 'in its place';
  if (!isAsFound(current, found)) return null;
  deps.onProgress(describeRow(change));
  await deps.log.write({ kind: 'row', table, key, before: current?.columns ?? null, after: wanted });
  return changeViewRow(deps.client, change, current, deps.wallMs());
}

function describeEvents(batch: RepairStep['events'][number]): string {
  return `publish ${batch.candles.length} candles of ${describePlace(batch)} as ${batch.kind}`;
}

function describeRow({ table, key, wanted }: RowChange): string {
  return `${wanted === null ? 'remove' : 'write'} a row of ${table}: ${Object.values(key).join(' ')}`;
}

function describeWindow(plan: WindowPlan): string {
  const { before, next, changed, removed } = plan;
  return (
    `window ${describePlace(plan)}: version ${before?.version ?? 'none'} → ${next.version}, ` +
    `rows ${changed.join(', ') || 'none'}${removed.length > 0 ? `, without ${removed.join(', ')}` : ''}`
  );
}
