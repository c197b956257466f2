import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { showReport } from '@kandle/audit/show-report';
import { createRandom } from '@kandle/tooling/random';
import { describeError } from '@kandle/runtime/errors';
import type { Fault } from '../catalogue/fault.ts';
import { showReasons } from '../stack/compare-refusals.ts';
import type { Refusable } from '../stack/faulty-feed.ts';
import type { Stack } from '../stack/stack.ts';
import { judge, type Verdict } from '../stack/verdict.ts';
import { scheduleFaults } from './schedule.ts';

/** What a run under faults has come to. */
export interface ChaosReport extends Verdict {
  readonly seed: number;
  readonly injected: readonly string[];
  /** Faults that could not be brought about: the run says less than it seems. */
  readonly failed: readonly string[];
  readonly redelivered: number;
  /** Most records that the faults explain to be refused. */
  readonly refusable: Refusable;
  /** Largest resident memory of each kind of process, megabytes. */
  readonly peaksMb: Readonly<Record<string, number>>;
  readonly restMs: number;
}

/** How a run under faults goes. */
export interface ChaosRun {
  readonly seed: number;
  readonly durationMs: number;
  /** How long it may take until everything is final. */
  readonly restMs?: number;
  readonly faults: readonly Fault[];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const WARM_UP_MS = 5_000;
const REST_DEADLINE_MS = 600_000;

/**
 * Lets faults befall a stack until the time is over, then lets it come to rest, and judges. What does not come
 * to rest is a difference, and all the rest is judged.
 *
 * @throws The reason of `signal` once it is aborted.
 */
export async function runChaos(stack: Stack, run: ChaosRun): Promise<ChaosReport> {
  const { seed, say, signal, restMs: restDeadlineMs = REST_DEADLINE_MS } = run;
  const startedMs = performance.now();
  const injected: string[] = [];
  const failed: string[] = [];
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal }).catch(() => undefined);

  // A fault may take minutes, and whoever stops the run does not wait for it.
  const stopped = once(signal, 'abort').then(() => signal.throwIfAborted());
  stopped.catch(() => undefined);

  await pause(WARM_UP_MS);
  for (const { fault, pauseMs, seed: faultSeed } of scheduleFaults(run.faults, seed)) {
    await pause(pauseMs);
    if (signal.aborted || performance.now() - startedMs > run.durationMs) break;
    const beganMs = performance.now();
    say(`${clock(beganMs - startedMs)} ${fault.name} …`);
    try {
      await Promise.race([fault.inject(stack, createRandom(faultSeed)), stopped]);
      injected.push(fault.name);
      say(`${clock(performance.now() - startedMs)}   over after ${seconds(performance.now() - beganMs)}`);
    } catch (error) {
      signal.throwIfAborted();
      failed.push(`${fault.name}: ${describeError(error)}`);
      say(`${clock(performance.now() - startedMs)}   could not be brought about: ${describeError(error)}`);
    }
  }
  signal.throwIfAborted();
  say(`${clock(performance.now() - startedMs)} the market falls silent; waiting until everything is final …`);
  const waitingMs = performance.now();
  let unrest: string | null = null;
  try {
    await stack.untilAtRest(restDeadlineMs, signal);
  } catch (error) {
    signal.throwIfAborted();
    unrest = describeError(error);
  }
  const restMs = performance.now() - waitingMs;
  say(
    `${clock(performance.now() - startedMs)} ${unrest === null ? 'at rest' : 'NOT at rest'} after ${seconds(restMs)}; comparing …`,
  );
  const verdict = await judge(stack);
  return {
    ...verdict,
    differences: [...(unrest === null ? [] : [unrest]), ...verdict.differences],
    seed,
    injected,
    failed,
    redelivered: stack.feed.stats().redelivered,
    refusable: stack.feed.stats().refusable,
    peaksMb: stack.memory.peaks(),
    restMs,
  };
}

/** The lines that tell of a run's end. */
export function reportLines(report: ChaosReport): readonly string[] {
  const byName = Map.groupBy(report.injected, (name) => name);
  return [
    '',
    `Seed ${report.seed}: ${report.injected.length} faults of ${byName.size} kinds:`,
    ...[...byName].map(([name, times]) => `  ${times.length} × ${name}`),
    ...report.failed.map((text) => `  NOT brought about: ${text}`),
    `${report.trades} trades, ${report.candles} candles; ${report.redelivered} frames delivered again by the feed`,
    `Largest memory: ${Object.entries(report.peaksMb)
      .map(([name, megabytes]) => `${name} ${megabytes} MB`)
      .join(', ')}`,
    '',
    showReport(report.audit, 20),
    '',
    `Refused in all: ${showReasons(report.refused)}; the faults explain ${showReasons({ ...report.refusable })}`,
    ...(report.inSinks === null ? [] : [`Redis and InfluxDB: ${report.inSinks} rows held against the log`]),
    ...report.differences.slice(0, 50).map((difference) => `DIFFERENCE: ${difference}`),
    report.differences.length === 0
      ? 'Clean: nothing is lost, nothing counts twice, nothing is refused that should count.'
      : `NOT CLEAN: ${report.differences.length} differences. Again with: npm run chaos -- --seed ${report.seed}`,
  ];
}

function clock(ms: number): string {
  const whole = Math.floor(ms / 1_000);
  return `${String(Math.floor(whole / 60)).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
