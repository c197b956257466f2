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
    async post({ url: target }, { body }) {
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

test('createNotify() corrects a signal that changed its side, once, and takes it back from who wants only the other side', async () => {
  const bodies: unknown[] = [];
  const { notify, told } = createRig([], {
    targets: [
      { name: 'desk', filter: {} },
      { name: 'buyer', filter: { sides: ['buy'] } },
      { name: 'seller', filter: { sides: ['sell'] } },
      { name: 'other', filter: { symbols: ['MSFT'] } },
    ].map(({ name, filter }) => ({
      target: targetOf({ name, url: name, filter }),
      limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
    })),
    async post({ url: target }, { body }) {
      const { title, announcement } = JSON.parse(body) as {
        readonly title: string;
        readonly announcement: string;
      };
      told.push(`${target} ${announcement}: ${title}`);
      bodies.push(JSON.parse(body));
      return OK;
    },
  });
  const up = signalOf({ rule: 'jump', text: 'AAPL jumped up by 3', numbers: { change: 3 } });
  const down = signalOf({
    rule: 'jump',
    version: 5,
    side: 'sell',
    text: 'AAPL jumped down by 3',
    numbers: { change: -3 },
  });
  await notify(eventOf([up]));
  expect(told.splice(0)).toEqual([
    'desk signal: BUY AAPL · jump · 62 %',
    'buyer signal: BUY AAPL · jump · 62 %',
  ]);
  bodies.splice(0);
  for (let n = 0; n < 3; n++) await notify(eventOf([down]));
  // The same again, but for its digits.
  await notify(eventOf([{ ...down, version: 6, strength: 0.621 }]));
  // What was overtaken is not told any more.
  await notify(eventOf([up]));
  expect(told.splice(0)).toEqual([
    'desk correction: CORRECTED SELL AAPL · jump · 62 %',
    'buyer retraction: RETRACTED BUY AAPL · jump',
    'seller signal: SELL AAPL · jump · 62 %',
  ]);
  expect(bodies[0]).toMatchObject({ corrected: { side: 'buy' }, signal: down });
  expect(bodies[1]).toMatchObject({ signal: { side: 'buy', state: 'retracted', text: up.text, version: 5 } });
  await notify(eventOf([{ ...down, state: 'retracted', version: 7 }]));
  expect(told).toEqual([
    'desk retraction: RETRACTED SELL AAPL · jump',
    'seller retraction: RETRACTED SELL AAPL · jump',
  ]);
});

test('createNotify() does not tell of a side that was overtaken, when the newer one is not wanted and came first', async () => {
  const { notify, told, store } = createRig([], {
    targets: [
      {
        target: targetOf({ filter: { sides: ['buy'] } }),
        limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
      },
    ],
  });
  await notify(eventOf([signalOf({ version: 5, side: 'sell' })]));
  await notify(eventOf([signalOf({ version: 3 })]));
  expect(told).toEqual([]);
  expect(store.all()).toMatchObject([{ version: 5, status: 'skipped' }]);
});

test('createNotify() tells of a signal that grew strong enough, corrects one that is not any more, and no weak one else', async () => {
  const { notify, told } = createRig([], {
    targets: [
      {
        target: targetOf({ filter: { minStrength: 0.5 } }),
        limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
      },
    ],
    async post(_, { body }) {
      told.push((JSON.parse(body) as { readonly announcement: string }).announcement);
      return OK;
    },
  });
  for (const [version, strength] of [0.2, 0.3, 0.8, 0.3].entries()) {
    await notify(eventOf([signalOf({ version: version + 1, strength })]));
  }
  expect(told).toEqual(['signal', 'correction']);
});

test('createNotify() does not look at indicators, and refuses what is malformed or expired', async () => {
  const { notify, told } = createRig([]);
  await notify({ ...ACTIVE, type: EVENT_TYPES.indicators, data: null });
  await expect(notify({ ...ACTIVE, data: null })).rejects.toThrow(PoisonError);
  const time = new Date(signalOf().causedAtMs - 301).toISOString();
  await expect(notify(eventOf([signalOf()], { time }))).rejects.toThrow(/expired/);
  expect(told).toEqual([]);
});
