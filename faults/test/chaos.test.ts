import { expect, onTestFinished, test } from 'vitest';
import { ALL_FAULTS } from '../src/catalogue/all-faults.ts';
import { runChaos } from '../src/chaos/run-chaos.ts';
import { deleteRow } from '../src/stack/delete-row.ts';
import { judge } from '../src/stack/verdict.ts';
import { SEED, startTestStack } from './test-stack.ts';

const RATE = 300;
const FAULTS_MS = 60_000;

// The part of `npm run test:faults` that `npm test` runs: a seeded schedule of what needs no servers of its
// own.
test('every trade counts once after a minute of faults, and a loss would be seen', {
  timeout: 600_000,
}, async () => {
  const { stack, end } = await startTestStack({ rate: RATE, maySleep: true });
  onTestFinished(end);
  const report = await runChaos(stack, {
    seed: SEED,
    durationMs: FAULTS_MS,
    faults: ALL_FAULTS.filter(({ killsServers }) => killsServers !== true),
    say: (line) => process.stderr.write(`${line}\n`),
    signal: new AbortController().signal,
  });
  expect(report.failed).toEqual([]);
  expect(report.injected.length).toBeGreaterThan(2);
  expect(report.differences).toEqual([]);
  expect(report.audit.read.trades).toBeGreaterThan(10 * RATE);

  // Planted damage: one stored trade and one candle less.
  const { pipeline, options } = stack;
  await deleteRow(pipeline.client, options.keyspace, 'trades');
  await deleteRow(pipeline.client, options.keyspace, 'candles_5s');
  const { audit, differences } = await judge(stack);
  expect(audit.subjects.get('trades')).toMatchObject({ missing: 1 });
  expect(audit.subjects.get('candles_5s')).toMatchObject({ missing: 1 });
  expect(differences.length).toBeGreaterThanOrEqual(4);
});
