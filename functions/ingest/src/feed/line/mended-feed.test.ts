import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { hoursOfSymbols } from '@kandle/market/feed/market-hours';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { LineEvents } from './line.ts';
import { createMendedFeed, type MendOptions } from './mended-feed.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const SILENCE_MS = 150_000;
const MUTE_MS = 300_000;
const DATA: FeedFrame = { kind: 'trade', entries: [{}] };
const PING: FeedFrame = { kind: 'ping', passedMs: 0, recvMs: null };

/** A feed of lines that do what is asked of them, under clocks that the test moves. */
function start(begin: string, changes: Partial<MendOptions> = {}) {
  vi.setSystemTime(new Date(begin));
  const hours = hoursOfSymbols(['AAPL']);
  const told: string[] = [];
  const triedAtMs: number[] = [];
  let newest: LineEvents | null = null;
  /** What a new line does. */
  let greet: (events: LineEvents) => void = (events) => events.onOpen();
  const feed = createMendedFeed(
    (events) => {
      triedAtMs.push(Date.now());
      newest = events;
      setTimeout(() => greet(events), 0);
      const nothing = (): void => undefined;
      return { pause: nothing, resume: nothing, cut: nothing, leave: async () => undefined, ask: null };
    },
    {
      silenceMs: SILENCE_MS,
      mayBeSilent: () => false,
      muteMs: MUTE_MS,
      isDataExpected: () => hours.isOpen(Date.now()),
      reconnectMinMs: 500,
      reconnectMaxMs: 30_000,
      stableMs: 30_000,
      hasStoodStill: () => false,
      isReplay: false,
      random: () => 1,
      log: createLogger('test', 'silent'),
      ...changes,
    },
    {
      onConnected: (connection, lost) => told.push(`connected ${connection} ${lost}`),
      onDisconnected: () => told.push(`gone ${new Date().toISOString().slice(11, 19)}`),
      onWaiting: () => undefined,
      onAlive: () => undefined,
      onStandstill: () => undefined,
      onFrame: () => undefined,
      onEnd: () => undefined,
    },
  );
  feed.start();
  return {
    told,
    triedAtMs,
    greetBy(act: (events: LineEvents) => void) {
      greet = act;
    },
    /** Lets time pass, with a frame every so often. */
    async pass(ms: number, everyMs = 0, frame: FeedFrame = PING) {
      const frames = everyMs === 0 ? 0 : ms / everyMs;
      if (frames === 0) await vi.advanceTimersByTimeAsync(ms);
      for (let n = 0; n < frames; n++) {
        await vi.advanceTimersByTimeAsync(everyMs);
        newest?.onAlive();
        newest?.onFrame(frame, '');
      }
    },
  };
}

/** A Tuesday; New York opens at 14:30 and closes at 21:00. */
const NOON = '2026-11-24T17:00:00Z';
const BEFORE_CLOSE = '2026-11-24T20:59:00Z';
const AFTER_OPENING = expect.stringMatching(/^gone 14:3[4-6]/);
const BEFORE_OPEN = '2026-11-24T14:00:00Z';

describe('a line that is alive and brings nothing', () => {
  test('is made anew within twice the silence that is declared, while a market is open', async () => {
    const { told, pass } = start(NOON);
    await pass(10 * MINUTE_MS, 1_000, DATA);
    expect(told).toEqual(['connected 1 null']);
    await pass(2 * MUTE_MS, 10_000);
    expect(told.slice(0, 3)).toEqual(['connected 1 null', 'gone 17:15:00', 'connected 2 mute']);
  });

  test('is left alone at night, and looked at again from the opening on', async () => {
    const evening = start(BEFORE_CLOSE);
    await evening.pass(MINUTE_MS, 1_000, DATA);
    await evening.pass(HOUR_MS, 60_000);
    expect(evening.told).toEqual(['connected 1 null']);
    const morning = start(BEFORE_OPEN);
    await morning.pass(HOUR_MS / 2, 60_000);
    expect(morning.told).toEqual(['connected 1 null']);
    await morning.pass(2 * MUTE_MS, 10_000);
    expect(morning.told).toEqual(['connected 1 null', AFTER_OPENING, 'connected 2 mute']);
  });

  test('is left alone on a weekend', async () => {
    const { told, pass } = start('2026-11-28T17:00:00Z');
    await pass(HOUR_MS, 60_000);
    expect(told).toEqual(['connected 1 null']);
  });

  test('is made anew less and less often while that changes nothing: a holiday costs little', async () => {
    const { told, greetBy, pass } = start(BEFORE_OPEN);
    // The last price of days ago comes with each new line, and proves nothing.
    greetBy((events) => {
      events.onOpen();
      events.onFrame(DATA, '');
    });
    await pass(3 * HOUR_MS, 60_000);
    expect(told.filter((line) => line.startsWith('gone'))).toHaveLength(5);
    // Data comes again: the next time it is the first time.
    await pass(10 * MINUTE_MS, 10_000, DATA);
    const { length } = told;
    await pass(MUTE_MS + 20_000, 10_000);
    expect(told.slice(length)).toEqual(['gone 17:15:00', expect.stringMatching(/^connected \d+ mute$/)]);
  });

  test('is left alone in a replay', async () => {
    const { told, pass } = start(NOON, { isReplay: true });
    await pass(HOUR_MS, 10_000);
    expect(told).toEqual(['connected 1 null']);
  });
});

describe('a line on which nothing is said', () => {
  test('is made anew, at night too: a sign of life is due', async () => {
    const { told, pass } = start('2026-11-24T03:00:00Z');
    await pass(SILENCE_MS + 1_000);
    expect(told).toEqual(['connected 1 null', 'gone 03:02:30', 'connected 2 silent']);
  });

  test('is left alone at night where it has no signs of life, and looked at from the opening on', async () => {
    const hours = hoursOfSymbols(['AAPL']);
    const { told, pass } = start(BEFORE_OPEN, {
      mayBeSilent: () => !hours.isOpen(Date.now()),
    });
    await pass(HOUR_MS / 2);
    expect(told).toEqual(['connected 1 null']);
    await pass(2 * SILENCE_MS);
    expect(told.slice(0, 3)).toEqual([
      'connected 1 null',
      expect.stringMatching(/^gone 14:32/),
      'connected 2 silent',
    ]);
  });
});

describe('a vendor that does not want us', () => {
  test.each([
    ['refuses', (events: LineEvents) => events.onRefused('no')],
    [
      'lets us in and puts us out',
      (events: LineEvents) => {
        events.onOpen();
        events.onClosed('disconnected', 'closed with 1008');
      },
    ],
    ['does not answer', (events: LineEvents) => events.onClosed('disconnected', 'no answer')],
  ])('that %s is tried at most once in 30 s after a minute', async (_, act) => {
    const { triedAtMs, greetBy, pass } = start(NOON);
    greetBy(act);
    await pass(HOUR_MS);
    const after = triedAtMs.filter((atMs) => atMs - Date.parse(NOON) > MINUTE_MS);
    expect(after.length).toBeGreaterThan(50);
    for (const [n, atMs] of after.entries())
      if (n > 0) expect(atMs - (after[n - 1] ?? 0)).toBeGreaterThanOrEqual(30_000);
  });

  test('that says for how long is not tried before', async () => {
    const { triedAtMs, greetBy, pass } = start(NOON);
    greetBy((events) => events.onRefused('too many requests', 5 * MINUTE_MS));
    await pass(HOUR_MS);
    expect(triedAtMs.map((atMs) => atMs - Date.parse(NOON)).slice(0, 3)).toEqual([0, 300_000, 600_001]);
  });
});
