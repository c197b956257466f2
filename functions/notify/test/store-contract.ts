import { describe, expect, test } from 'vitest';
import type { Notice } from '@kandle/market/notification/signal-record';
import type { NoticeStore, SignalKey } from '../src/store.ts';

let lastSignal = 0;

/** A signal that no other test uses. */
function freshKey(): SignalKey {
  lastSignal += 1;
  return { feed: 'sim', signalId: `ma-cross:S${lastSignal}:${Date.now()}` };
}

function claim(changes: Partial<Notice> = {}): Notice {
  return {
    target: 'desk',
    version: 3,
    state: 'active',
    content: {
      side: 'buy',
      strength: 1 / 3,
      numbers: { close: 0.1 + 0.2 },
      text: 'It is “up”; so they say.',
    },
    status: 'claimed',
    attempts: 1,
    statusCode: null,
    reason: '',
    claimedAtMs: 1_764_000_000_123,
    endedAtMs: null,
    delayMs: null,
    ...changes,
  };
}

const LEASE_MS = 60_000;

/**
 * The contract of the record, the same in memory and on the real database. `elapse` lets leases of 1 s run out.
 */
export function describeStore(
  name: string,
  { store, elapse }: { readonly store: () => NoticeStore; readonly elapse: () => Promise<void> },
): void {
  describe(name, () => {
    test('read() knows nothing, when a signal was never decided on', async () => {
      expect(await store().read(freshKey())).toEqual({ revision: 0, notices: [] });
    });

    test('decide() writes what read() gives back, when there are claims and skips of several targets', async () => {
      const key = freshKey();
      const claimed = claim();
      const skipped = claim({
        target: 'other',
        state: 'retracted',
        content: null,
        status: 'skipped',
        attempts: 0,
        endedAtMs: 1_764_000_000_124,
      });
      expect(await store().decide(key, 0, [claimed, skipped], LEASE_MS)).toBe('applied');
      expect(await store().read(key)).toEqual({
        revision: 1,
        notices: [
          { ...claimed, isLeased: true },
          { ...skipped, isLeased: false },
        ],
      });
    });

    test('decide() changes nothing, when another decision came before', async () => {
      const key = freshKey();
      await store().decide(key, 0, [claim()], LEASE_MS);
      expect(await store().decide(key, 0, [claim({ version: 5 })], LEASE_MS)).toBe('lost');
      expect((await store().read(key)).notices.map(({ version }) => version)).toEqual([3]);
    });

    test('decide() lets exactly one of many win, when they race', async () => {
      const key = freshKey();
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, (_, n) => store().decide(key, 0, [claim({ attempts: n + 1 })], LEASE_MS)),
      );
      expect(outcomes.filter((outcome) => outcome === 'applied').length).toBeLessThanOrEqual(1);
      expect((await store().read(key)).revision).toBe(1);
    });

    test('decide() leaves a lease that runs out, when nobody finishes it', async () => {
      const key = freshKey();
      await store().decide(key, 0, [claim()], 1_000);
      await elapse();
      expect((await store().read(key)).notices).toEqual([{ ...claim(), isLeased: false }]);
    });

    test('finish() ends a claim and its lease, when it was sent', async () => {
      const key = freshKey();
      const sent = claim({ status: 'sent', statusCode: 204, endedAtMs: 1_764_000_001_000, delayMs: 877 });
      await store().decide(key, 0, [claim()], LEASE_MS);
      expect(await store().finish(key, sent)).toBe('applied');
      expect(await store().finish(key, { ...sent, statusCode: 200 })).toBe('lost');
      expect((await store().read(key)).notices).toEqual([{ ...sent, isLeased: false }]);
    });

    test('finish() writes no failure, when somebody else has the claim by now', async () => {
      const key = freshKey();
      await store().decide(key, 0, [claim()], 1_000);
      await store().decide(key, 1, [claim({ attempts: 2 })], LEASE_MS);
      expect(await store().finish(key, claim({ status: 'failed', statusCode: 503 }))).toBe('lost');
      expect((await store().read(key)).notices).toEqual([{ ...claim({ attempts: 2 }), isLeased: true }]);
    });

    test.each(['claimed', 'failed', 'unclear', 'refused'] as const)(
      'finish() writes a 2xx, when the row is %s by another',
      async (status) => {
        const key = freshKey();
        await store().decide(key, 0, [claim({ attempts: 2 })], LEASE_MS);
        if (status !== 'claimed') await store().finish(key, claim({ attempts: 2, status, reason: 'why' }));
        const sent = claim({ status: 'sent', statusCode: 200, endedAtMs: 1_764_000_001_000, delayMs: 877 });
        expect(await store().finish(key, sent)).toBe('applied');
        expect((await store().read(key)).notices).toEqual([{ ...sent, isLeased: false }]);
      },
    );

    test('finish() writes nothing, when the row is gone', async () => {
      const key = freshKey();
      expect(await store().finish(key, claim({ status: 'sent' }))).toBe('lost');
      expect(await store().finish(key, claim({ status: 'failed' }))).toBe('lost');
      expect((await store().read(key)).notices).toEqual([]);
    });
  });
}
