import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { describePlace, type RepairStep } from './plan-repair.ts';
import type { WindowPlan } from './plan-window.ts';
import type { RepairLog } from './repair-log.ts';
import { countsOf, NOTHING_DONE, type RepairSummary, type StepOutcome, summaryOf } from './summary.ts';
import { changeViewRow, isAsFound, type RowChange, type ViewRows, type Written } from './view-rows.ts';

/** What a repair works with. */
export interface RepairDeps {
  readonly views: ViewRows;
  /** Writes a window if it is still as it was judged; false if it is not. */
  readonly writeWindow: (plan: WindowPlan) => Promise<boolean>;
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
    const { shard, windowStartMs, isSampled, before, next } = window;
    await deps.log.write({ kind: 'window', shard, windowStartMs, isSampled, before, after: next });
    if (!(await deps.writeWindow(window)))
      return {
        ...NOTHING_DONE,
        left: [...left, `window ${describePlace(window)}: it has changed meanwhile; audit again`],
      };
  }
  const recorded: RowChange[] = [];
  const changed: RowChange[] = [];
  // Before the events: persist may take them at once, and what was there would be known to nobody.
  for (const change of rows) {
    if (await recordRow(deps, change)) recorded.push(change);
    else changed.push(change);
  }
  for (const batch of events) {
    deps.onProgress(describeEvents(batch));
    await deps.producer.send(deps.candlesTopic, formatCandleBatch(batch));
  }
  const done: RowChange[] = [];
  const written: Written[] = [];
  for (const change of recorded) {
    const outcome = await changeRow(deps, change);
    if (outcome === null) changed.push(change);
    else {
      done.push(change);
      written.push(outcome);
    }
  }
  return {
    ...countsOf({ ...step, rows: done }),
    writtenOver: written.filter((way) => way === 'over a later write').length,
    left: [
      ...left,
      ...changed.map((change) => `${describeRow(change)}: it has changed meanwhile; audit again`),
    ],
  };
}

/** Writes down what a row was; false if it is no longer as it was judged. */
async function recordRow({ views, log }: RepairDeps, change: RowChange): Promise<boolean> {
  const { table, key, found, wanted } = change;
  const current = await views.read(change);
  if (isAsFound(current, wanted)) return true;
  if (!isAsFound(current, found)) return false;
  await log.write({ kind: 'row', table, key, before: current?.columns ?? null, after: wanted });
  return true;
}

/** @returns Null if the row is no longer as it was judged. */
async function changeRow(deps: RepairDeps, change: RowChange): Promise<Written | null> {
  const current = await deps.views.read(change);
  // Persist may have taken the candle that was just published.
  if (isAsFound(current, change.wanted)) return 'in its place';
  if (!isAsFound(current, change.found)) return null;
  deps.onProgress(describeRow(change));
  return changeViewRow(deps.views, change, current, deps.wallMs());
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
