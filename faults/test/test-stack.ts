import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readLiveChildren } from '@kandle/servers/process/run-record';
import { expect, inject, type TestContext, TestRunner } from 'vitest';
import { showReasons } from '../src/stack/compare-refusals.ts';
import { judge } from '../src/stack/verdict.ts';
import { type Stack, type StackOptions, startStack } from '../src/stack/stack.ts';

/** True if the servers of this test run are its own: those of others are not killed. */
export const MAY_KILL_SERVERS = process.env['KANDLE_TEST_SERVERS'] === undefined;

/** Seed of a test run: `FAULT_SEED` repeats one. */
export const SEED = Number(process.env['FAULT_SEED'] ?? 1);

/** Trades a second of a test: as it is used to, or `FAULT_RATE`, for a machine that does more or less. */
export const rateOf = (usual: number): number => Number(process.env['FAULT_RATE'] ?? usual);

const REST_DEADLINE_MS = 240_000;
/** Late trades of a later fault may change windows that were clean before. */
const LOOK_BACK_MS = 960_000;
/** Up to where a stack was found clean. */
const cleanUpTo = new WeakMap<Stack, number>();
let stacks = 0;

/** Starts a stack on the servers of the test run, in topics and a keyspace of its own. */
export async function startTestStack(
  options: Partial<StackOptions> & Pick<StackOptions, 'rate'>,
): Promise<{ readonly stack: Stack; readonly end: () => Promise<void> }> {
  stacks += 1;
  const keyspace = `faults${Date.now()}_${stacks}`;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-faults-'));
  const pids = new Set<number>();
  const stack = await startStack({
    servers: {
      kafkaBrokers: inject('kafkaBrokers'),
      cassandra: inject('cassandra'),
      pidOf: MAY_KILL_SERVERS ? pidOf : null,
    },
    keyspace,
    isShared: true,
    folder,
    seed: SEED,
    say: () => undefined,
    onSpawn: (_, pid) => pids.add(pid),
    onExit: (pid) => pids.delete(pid),
    ...options,
  });
  return {
    stack,
    async end() {
      await stack.pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await stack.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Pid of a server as it is now: it changes when one is started again. */
function pidOf(server: 'kafka' | 'cassandra'): number {
  return readLiveChildren(inject('serversFolder')).find(({ role }) => role === server)?.pid ?? 0;
}

/**
 * Lets the stack come to rest and expects that nothing is lost and nothing counts twice; then the market trades
 * again.
 */
export async function expectClean(stack: Stack): Promise<void> {
  try {
    const startedMs = performance.now();
    await stack.untilAtRest(REST_DEADLINE_MS);
    const restedMs = performance.now();
    const nowMs = Date.now();
    const before = cleanUpTo.get(stack);
    const verdict = await judge(stack, before === undefined ? null : before - LOOK_BACK_MS);
    const took = [restedMs - startedMs, performance.now() - restedMs].map((ms) => (ms / 1_000).toFixed(1));
    const rest = { seconds: took[0] ?? '', differences: verdict.differences.length };
    Object.assign(TestRunner.getCurrentTest<TestContext['task']>().meta, { rest });
    tell(`at rest after ${took[0]} s, judged in ${took[1]} s: ${verdict.differences.length} differences`);
    for (const difference of verdict.differences.slice(0, 10)) tell(`  ${difference}`);
    tell(`  refused in all: ${showReasons(verdict.refused)}`);
    expect(verdict.differences).toEqual([]);
    expect(verdict.audit.verdict).toBe('clean');
    expect(verdict.audit.read.trades).toBeGreaterThan(0);
    cleanUpTo.set(stack, nowMs);
  } finally {
    stack.feed.setSilent(false);
  }
}

/** A line for people who wait: these tests take minutes. */
export function tell(line: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
}
