import type { Signal } from '@kandle/market/signal/signal-batch';
import { PoisonError } from '@kandle/runtime/errors';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../test/memory-store.ts';
import { eventOf, signalOf, targetOf } from '../test/signals.ts';
import { createNotify } from './handler.ts';
import type { Answer } from './post.ts';
import type { StoredNotice } from '@kandle/market/notification/signal-record';

/** The desk wants everything, the phone only what is to be bought. */
const TARGETS = [
  { name: 'desk', filter: {} },
  { name: 'phone', filter: { sides: ['buy'] } },
] as const;
type Version = 'buy' | 'sell' | 'retracted';
const LEASE_MS = 45_000;
const UNREACHABLE: Answer = { kind: 'no_answer', code: 'ECONNREFUSED', isUnreached: true };
const NO_ANSWER: Answer = { kind: 'no_answer', code: 'cut', isUnreached: false };

/** What a target heard, in order. */
interface Heard {
  readonly target: string;
  readonly version: number;
  readonly says: Version;
  readonly kind: string;
  readonly key: string;
}

interface World {
  readonly heard: readonly Heard[];
  readonly notices: readonly StoredNotice[];
}

/**
 * Delivers every version's event, some of them often and out of order, to processes that run side by side, each
 * of whose reads, writes and requests waits for its turn; while `isFaulty`, processes die between any two of
 * them, writes have unknown outcomes and targets fail. At last all is well and everything that is left comes
 * again.
 */
async function runSchedule(
  g: fc.GeneratorValue,
  history: readonly Version[],
  isFaulty: boolean,
): Promise<World> {
  let nowMs = 0;
  let isCalm = !isFaulty;
  const heard: Heard[] = [];
  const store = createMemoryStore(() => nowMs);
  const chance = (percent: number): boolean => !isCalm && g(fc.nat, { max: 99 }) < percent;

  function createProcess() {
    const turns: (() => void)[] = [];
    const turn = (): Promise<void> => new Promise((resolve) => turns.push(resolve));
    const unknown = async <T>(write: () => Promise<T>): Promise<T | 'unknown'> => {
      await turn();
      if (chance(4)) return 'unknown';
      const outcome = await write();
      return chance(4) ? 'unknown' : outcome;
    };
    const notify = createNotify({
      store: {
        read: async (key) => {
          await turn();
          return store.read(key);
        },
        decide: (...args) => unknown(() => store.decide(...args)),
        finish: (...args) => unknown(() => store.finish(...args)),
      },
      targets: TARGETS.map(({ name, filter }) => ({
        target: targetOf({ name, url: name, filter }),
        limit: { readyAtMs: () => 0, take: () => 0, pauseUntil: () => undefined },
      })),
      async post({ url: target }, { headers, body }) {
        await turn();
        if (chance(10)) return UNREACHABLE;
        if (chance(10)) return { kind: 'status', status: chance(50) ? 503 : 404, retryAfter: null };
        const { signal, announcement } = JSON.parse(body) as {
          readonly signal: Signal;
          readonly announcement: string;
        };
        heard.push({
          target,
          version: signal.version,
          says: saysOf(signal),
          kind: announcement,
          key: headers['idempotency-key'] ?? '',
        });
        await turn();
        return chance(10) ? NO_ANSWER : { kind: 'status', status: 200, retryAfter: null };
      },
      monotonicMs: () => 0,
      wallMs: () => nowMs,
      sleep: async () => undefined,
      random: () => 0,
      answerMs: 1_000,
      backOffMs: 1,
      maxTries: 2,
      budgetMs: 40_000,
      leaseMs: LEASE_MS,
      expiryMs: 1,
      concurrency: 2,
      onOutcome: () => undefined,
    });
    return { notify, turns };
  }

  interface Running {
    readonly version: number;
    readonly turns: (() => void)[];
    end: 'none' | 'done' | 'again' | 'dead';
  }

  function begin(version: number): Running {
    const signal = versionOf(history[version - 1] ?? 'buy', version);
    const { notify, turns } = createProcess();
    const running: Running = { version, turns, end: 'none' };
    notify(eventOf([signal])).then(
      () => (running.end = 'done'),
      (error: unknown) => (running.end = error instanceof PoisonError ? 'dead' : 'again'),
    );
    return running;
  }

  /** Runs one of the processes up to its next turn. */
  async function step(running: Running): Promise<void> {
    running.turns.splice(g(fc.nat, { max: Math.max(0, running.turns.length - 1) }), 1)[0]?.();
    // Everything between two turns is promises, a handful deep.
    for (let n = 0; n < 30; n++) await Promise.resolve();
  }

  const versions = history.map((_, index) => index + 1);
  const waiting = versions.flatMap((version) =>
    Array.from({ length: 1 + g(fc.nat, { max: 2 }) }, () => version),
  );
  const deadLetters: number[] = [];
  let running: Running[] = [];
  for (let steps = 0; waiting.length > 0 || running.length > 0; steps++) {
    if (steps > 5_000) throw new Error('the schedule does not end');
    if (steps === 200) isCalm = true;
    if (waiting.length > 0 && (running.length === 0 || (running.length < 3 && g(fc.boolean)))) {
      const [version] = waiting.splice(g(fc.nat, { max: waiting.length - 1 }), 1);
      if (version !== undefined) running.push(begin(version));
    }
    const chosen = running[g(fc.nat, { max: running.length - 1 })];
    if (chosen === undefined) continue;
    await step(chosen);
    // A process that dies does nothing more, and its event comes again.
    if (chosen.end === 'none' && chance(3)) chosen.end = 'again';
    if (chosen.end === 'again') waiting.push(chosen.version);
    if (chosen.end === 'dead') deadLetters.push(chosen.version);
    running = running.filter(({ end }) => end === 'none');
    // Nobody works longer than the lease of his claims.
    if (running.length === 0) nowMs += g(fc.boolean) ? LEASE_MS : 5_000;
    if (waiting.length === 0 && running.length === 0 && deadLetters.length > 0) {
      isCalm = true;
      waiting.push(...deadLetters.splice(0));
    }
  }
  return { heard, notices: store.all() };
}

/** A version of the signal: bought, sold, or gone, by whatever side it had before. */
function versionOf(version: Version, number: number): Signal {
  const side = version === 'sell' ? 'sell' : 'buy';
  const text = `AAPL jumped ${side === 'buy' ? 'up' : 'down'}`;
  const state = version === 'retracted' ? 'retracted' : 'active';
  return signalOf({ version: number, side, text, state });
}

function saysOf({ state, side }: Signal): Version {
  return state === 'retracted' ? 'retracted' : side === 'sell' ? 'sell' : 'buy';
}

/** What a target ought to believe in the end. */
function truthOf(name: string, last: Version | undefined): Version {
  return name === 'phone' && last === 'sell' ? 'retracted' : (last ?? 'retracted');
}

const histories = fc.array(fc.constantFrom<Version>('buy', 'sell', 'retracted'), {
  minLength: 1,
  maxLength: 5,
});
const RUNS = { numRuns: Number(process.env['SCHEDULES'] ?? 400), endOnFailure: true };

test('createNotify() leaves every target with the truth, when processes die, targets fail, a signal changes its side and events come in any order', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.gen(), async (history, g) => {
      const { heard, notices } = await runSchedule(g, history, true);
      for (const { name } of TARGETS) {
        const last = heard.filter(({ target }) => target === name).at(-1)?.says ?? 'retracted';
        expect(last).toBe(truthOf(name, history.at(-1)));
        const known = notices.filter(({ target }) => target === name);
        expect(known.filter(({ status, isLeased }) => status === 'claimed' && isLeased)).toEqual([]);
        expectNoneTwice(known);
      }
      for (const { key, version, target } of heard)
        expect(key).toBe(`sim:${signalOf().id}:${version}:${target}`);
    }),
    RUNS,
  );
}, 3_600_000);

test('createNotify() tells each target once of every change, when nothing fails and every event comes up to three times', async () => {
  await fc.assert(
    fc.asyncProperty(histories, fc.gen(), async (history, g) => {
      const { heard, notices } = await runSchedule(g, history, false);
      for (const { name } of TARGETS) {
        const told = heard.filter(({ target }) => target === name);
        const sent = notices.filter(({ target, status }) => target === name && status === 'sent');
        expect(told.map(({ version }) => version)).toEqual(
          sent.map(({ version }) => version).toSorted((a, b) => a - b),
        );
        // Never the same twice running, and each by its right name.
        let before: Version = 'retracted';
        for (const { says, kind } of told) {
          expect(says).not.toBe(before);
          expect(kind).toBe(
            says === 'retracted' ? 'retraction' : before === 'retracted' ? 'signal' : 'correction',
          );
          before = says;
        }
        if (name === 'phone') expect(told.filter(({ says }) => says === 'sell')).toEqual([]);
      }
    }),
    RUNS,
  );
}, 3_600_000);

/** Two notices of the same content were sent only if another may have been heard in between. */
function expectNoneTwice(notices: readonly StoredNotice[]): void {
  let last: string | null = null;
  for (const { status, state, content } of notices.toSorted((a, b) => a.version - b.version)) {
    const says = state === 'retracted' ? 'retracted' : (content?.side ?? 'unknown');
    if (status === 'sent') expect(says).not.toBe(last);
    if (status === 'sent') last = says;
    else if (status === 'claimed' || status === 'unclear') last = null;
  }
}
