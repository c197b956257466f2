import type { RunPlan } from '@kandle/knative/plan';
import { TOPICS } from '@kandle/market/event/topics';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { expect, inject, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { listDeadLetters, sendAgain } from '../../src/redrive/redrive.ts';
import type { Stack } from '../../src/stack/stack.ts';
import { judge } from '../../src/stack/verdict.ts';
import { expectClean, rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(200);
const AWAY_MS = 8_000;

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

test('everything is there after a redrive, when the retries were exhausted and there is a dead letter sink', async () => {
  const { stack, end } = await startTestStack({ rate: RATE, plan: impatient(true) });
  onTestFinished(end);
  await loseEvents(stack);
  await stack.settle(240_000);
  const before = await judge(stack);
  // The audit does not call what waits in the dead letters a difference, but the views lack it.
  expect(before.differences.length).toBeGreaterThan(0);
  expect(before.audit.deadLetters.length).toBeGreaterThan(0);

  const kafka = createKafka(
    { KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false },
    'redrive',
    createLogger('redrive', 'silent'),
  );
  const topics = {
    dead: stack.prefix + TOPICS.dead,
    redriven: stack.prefix + TOPICS.redriven,
    prefix: stack.prefix,
  };
  const judged = await listDeadLetters(kafka, topics, { includeRefused: false });
  expect(judged.every(({ fate }) => fate === 'send')).toBe(true);
  const letters = judged.map(({ letter }) => letter);
  const sent = await sendAgain(kafka, topics, letters, { nowMs: Date.now, onProgress: () => undefined });
  expect(sent).toBe(letters.length);
  await expectClean(stack);
});

test('the audit finds what is missing, when the retries were exhausted and there is no dead letter sink', async () => {
  const { stack, end } = await startTestStack({ rate: RATE, plan: impatient(false) });
  onTestFinished(end);
  await loseEvents(stack);
  await stack.settle(240_000);
  const { audit } = await judge(stack);
  expect(audit.verdict).toBe('different');
  expect(audit.deadLetters).toEqual([]);
  // Nothing but losses: no trade counts twice, none is made up.
  expect([...audit.subjects].flatMap(([, { extra }]) => extra).every((extra) => extra === 0)).toBe(true);
  expect(audit.subjects.get('trades')?.missing).toBeGreaterThan(0);
});
