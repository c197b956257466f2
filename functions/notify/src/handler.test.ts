import { EVENT_TYPES } from '@kandle/market/event/topics';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../test/memory-store.ts';
import { eventOf, signalOf, targetOf } from '../test/signals.ts';
import { createNotify, type NotifyDeps } from './handler.ts';
import type { Answer } from './post.ts';

const OK: Answer = { kind: 'status', status: 200, retryAfter: null };
const AWAY: Answer = { kind: 'status', status: 503, retryAfter: null };
const GONE: Answer = { kind: 'status', status: 410, retryAfter: null };
const UNREACHED: Answer = { kind: 'no_answer', code: 'ECONNREFUSED', isUnreached: true };
const NO_ANSWER: Answer = { kind: 'no_answer', code: 'cut', isUnreached: false };

/** Notify with two targets of which the first answers so, one answer per try, and the second always well. */
function createRig(answers: Answer[], changes: Partial<NotifyDeps> = {}) {
  const store = createMemoryStore(() => 0);
  const told: string[] = [];
  const outcomes: string[] = [];
  const notify = createNotify({
    store,
    targets: ['desk', 'phone'].map((name) => ({
      target: targetOf({ name, url: name }),
      limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
    })),
    async post(target, { body }) {
      const { announcement } = JSON.parse(body) as { readonly announcement: string };
      told.push(`${target} ${announcement}`);
      return target === 'desk' ? (answers.shift() ?? OK) : OK;
    },
    monotonicMs: () => 0,
    wallMs: () => signalOf().causedAtMs + 700,
    sleep: async () => undefined,
    random: () => 0,
    answerMs: 1_000,
    backOffMs: 1,
    maxTries: 1,
    budgetMs: 40_000,
    leaseMs: 45_000,
    expiryMs: 1_000,
    concurrency: 2,
    onOutcome: ({ name }, outcome, delayMs) => outcomes.push(`${name} ${outcome} ${delayMs}`),
    ...changes,
  });
  return { notify, store, told, outcomes };
}

const ACTIVE = eventOf([signalOf()]);
const RETRACTED = eventOf([signalOf({ state: 'retracted', version: 5 })]);

test('createNotify() takes a signal back from who may have heard it, though a later try surely did not arrive', async () => {
  for (const later of [UNREACHED, AWAY, GONE]) {
    const { notify, told } = createRig([NO_ANSWER, later]);
    await expect(notify(ACTIVE)).rejects.toThrow(RetryableError);
    await expect(notify(ACTIVE)).rejects.toThrow(later === GONE ? PoisonError : RetryableError);
    await notify(RETRACTED);
    expect(told.filter((one) => one.startsWith('desk'))).toEqual([
      'desk signal',
      'desk signal',
      'desk retraction',
    ]);
  }
});

test('createNotify() takes nothing back from who surely has not heard it', async () => {
  for (const first of [UNREACHED, AWAY, GONE]) {
    const { notify, told } = createRig([first]);
    await expect(notify(ACTIVE)).rejects.toThrow(first === GONE ? PoisonError : RetryableError);
    await notify(RETRACTED);
    expect(told).toEqual(['desk signal', 'phone signal', 'phone retraction']);
  }
});

test('createNotify() tries everything again and then gives up only what is wrong, when one target is away and one is gone', async () => {
  const { notify, told, outcomes } = createRig([GONE, GONE], {
    targets: ['desk', 'desk-2'].map((name) => ({
      target: targetOf({ name, url: 'desk' }),
      limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
    })),
  });
  await expect(notify(ACTIVE)).rejects.toThrow(
    new PoisonError(
      'Cannot announce all of 1 signals: desk answered 410: its address is gone for ever; desk-2 answered 410: its address is gone for ever',
    ),
  );
  const mixed = createRig([AWAY]);
  await expect(mixed.notify(ACTIVE)).rejects.toThrow(
    new RetryableError('Cannot announce all of 1 signals: desk answered 503'),
  );
  expect(mixed.outcomes).toEqual(['desk failed null', 'phone sent 700']);
  expect([told, outcomes]).toEqual([
    ['desk signal', 'desk signal'],
    ['desk refused null', 'desk-2 refused null'],
  ]);
});

test('createNotify() claims nothing for a target without a turn in time, and gives the event back', async () => {
  const { notify, store, told } = createRig([], {
    targets: [
      {
        target: targetOf(),
        limit: { readyAtMs: () => 50_000, take: () => null, pauseUntil: () => undefined },
      },
    ],
  });
  await expect(notify(ACTIVE)).rejects.toThrow(/desk: its rate limit leaves no turn in time/);
  expect([told, store.all()]).toEqual([[], []]);
});

test('createNotify() tells only the newest version, when an event holds two of one signal', async () => {
  const { notify, told } = createRig([]);
  await notify(eventOf([signalOf(), signalOf({ state: 'retracted', version: 5 })]));
  expect(told).toEqual([]);
});

test('createNotify() does not look at indicators, and refuses what is malformed or expired', async () => {
  const { notify, told } = createRig([]);
  await notify({ ...ACTIVE, type: EVENT_TYPES.indicators, data: null });
  await expect(notify({ ...ACTIVE, data: null })).rejects.toThrow(PoisonError);
  const time = new Date(signalOf().causedAtMs - 301).toISOString();
  await expect(notify(eventOf([signalOf()], { time }))).rejects.toThrow(/expired/);
  expect(told).toEqual([]);
});
