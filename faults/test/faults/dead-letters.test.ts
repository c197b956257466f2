import type { RunPlan } from '@kandle/knative/plan';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { lettersOf } from '../../src/stack/dead-letters.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { judge } from '../../src/stack/verdict.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(200);
const AWAY_MS = 8_000;
const TRIES = 3;

/** Sources that give up within a second, with a dead letter sink or without one. */
const impatient =
  (hasSink: boolean) =>
  (plan: RunPlan): RunPlan => ({
    ...plan,
    sources: plan.sources.map((source) => ({
      ...source,
      delivery: {
        ...source.delivery,
        retry: 2,
        backoffDelayMs: 200,
        deadLetterTopic: hasSink ? source.delivery.deadLetterTopic : null,
      },
    })),
  });

/** Cassandra is away for longer than the sources are patient, under load. */
async function loseEvents(stack: Stack): Promise<void> {
  await until('enough trades', () => stack.feed.stats().trades >= 10 * RATE);
  await until('windows', async () => [...(await stack.lags()).values()].every((lag) => lag < 500));
  stack.cql.setWeather({ kind: 'refused' });
  stack.cql.cut();
  const since = performance.now();
  await until('the outage is over', () => performance.now() - since > AWAY_MS);
  stack.cql.setWeather({ kind: 'clear' });
  const { trades } = stack.feed.stats();
  await until('more trades', () => stack.feed.stats().trades >= trades + 10 * RATE);
}

/** Transform does not answer for longer than its source is patient: its letters are raw batches. */
async function loseRawEvents(stack: Stack): Promise<void> {
  const answer = stack.dispatcher.answerFor('transform', 503);
  try {
    await until('events for transform', () => answer.count() > TRIES * stack.feed.symbols.length);
  } finally {
    answer.release();
  }
}

test('everything is there after a redrive, when the retries were exhausted and there is a dead letter sink', async () => {
  const { stack, end } = await startTestStack({ rate: RATE, plan: impatient(true) });
  onTestFinished(end);
  await loseEvents(stack);
  await loseRawEvents(stack);
  await stack.untilAtRest(240_000);
  const before = await judge(stack);
  // The audit does not call what waits in the dead letters a difference, but the views lack it.
  expect(before.differences.length).toBeGreaterThan(0);
  expect(before.audit.deadLetters.length).toBeGreaterThan(0);

  const letters = lettersOf(stack);
  const judged = await letters.list();
  expect(judged.every(({ fate }) => fate === 'send')).toBe(true);
  const by = (name: string) => judged.filter(({ letter }) => letter.destination === name);
  expect(by('transform').map(({ letter }) => letter.type)).toContain(EVENT_TYPES.rawTrades);
  expect(by('aggregate').length).toBeGreaterThan(0);
  expect(await letters.redrive()).toBe(judged.length);
  await expectClean(stack);
});

test('the audit finds what is missing, when the retries were exhausted and there is no dead letter sink', async () => {
  const { stack, end } = await startTestStack({ rate: RATE, plan: impatient(false) });
  onTestFinished(end);
  await loseEvents(stack);
  await stack.untilAtRest(240_000);
  const { audit } = await judge(stack);
  expect(audit.verdict).toBe('different');
  expect(audit.deadLetters).toEqual([]);
  // Nothing but losses: no trade counts twice, none is made up.
  expect([...audit.subjects].flatMap(([, { extra }]) => extra).every((extra) => extra === 0)).toBe(true);
  expect(audit.subjects.get('trades')?.missing).toBeGreaterThan(0);
});
