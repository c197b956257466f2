import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FeedClock } from './feed-clock.ts';
import { createFeedWideTime, createShardTime, type FeedWideTime } from './shard-time.ts';

const START_MS = 1_764_000_000_000;
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const AHEAD_MS = 5_000;
const HORIZON_MS = 900_000;

interface Setting {
  readonly isReplay?: boolean;
  /** What the wall clock says at the start, from the true time; null for a recording without a clock. */
  readonly clockOffMs?: number | null;
  readonly feed?: FeedWideTime;
}

/** A shard whose two clocks the test moves: true time passes, and each clock may be off or stand still. */
function createShard({ isReplay = false, clockOffMs = 0, feed = createFeedWideTime() }: Setting = {}) {
  const shard = { clock: null as FeedClock | null, delaysMs: new Map<string, number>() };
  const clock = { disorderMs: 1_000, graceMs: 2_000, speed: 1 };
  const time = createShardTime<number>(
    shard,
    { clock, aheadMs: AHEAD_MS, horizonMs: HORIZON_MS, isReplay },
    feed,
  );
  const now = { trueMs: START_MS, feedMs: 1_000, clockOffMs };
  const taken: number[] = [];
  const refused: number[] = [];
  const delayed = new Map<string, number>();
  function note(verdicts: ReturnType<typeof time.pass>): void {
    for (const verdict of verdicts) {
      if (verdict.kind === 'delayed') delayed.set(verdict.symbol, verdict.delayMs);
      else (verdict.kind === 'taken' ? taken : refused).push(verdict.arrived.item);
    }
  }
  let item = 0;
  return {
    shard,
    now,
    taken,
    refused,
    delayed,
    time,
    /** True time passes, and the monotonic clock with it. */
    pass(ms: number) {
      now.trueMs += ms;
      now.feedMs += ms;
      note(time.pass(now.feedMs));
    },
    /** True time passes while the monotonic clock stands still. */
    suspend(ms: number) {
      now.trueMs += ms;
    },
    /** A record comes with an event time so far from the true time. @returns Its number. */
    record(offMs = 0, symbol = 'A') {
      item += 1;
      const clockMs = now.clockOffMs === null ? null : now.trueMs + now.clockOffMs;
      const { feedMs } = now;
      note(time.offer({ item, symbol, eventTimeMs: now.trueMs + offMs, feedMs, clockMs }));
      return item;
    },
    /** Records in time, one a second, for so long. */
    go(seconds: number, symbol = 'A') {
      for (let second = 0; second < seconds; second++) {
        this.record(0, symbol);
        this.pass(SECOND_MS);
      }
    },
    end: () => note(time.end('recording')),
    stop: () => note(time.end('stop')),
    watermarkMs: () => (shard.clock?.watermarkMs ?? 0) - now.trueMs,
  };
}

describe('createShardTime() with right clocks', () => {
  test('takes what comes in time, late within the horizon, and a little ahead, at once', () => {
    const one = createShard();
    for (const offMs of [0, -10, AHEAD_MS, -HORIZON_MS + AHEAD_MS, 0]) one.record(offMs);
    expect(one.taken).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([70 * SECOND_MS, 14 * MINUTE_MS, 2 * HOUR_MS])(
    'lets a lone record %d ms ahead move nothing, and refuses it after a minute',
    (aheadMs) => {
      const one = createShard();
      one.go(3);
      const before = one.watermarkMs();
      const lone = one.record(aheadMs);
      expect(one.watermarkMs()).toBe(before);
      one.go(59);
      expect(one.refused).toEqual([]);
      one.go(2);
      expect(one.refused).toEqual([lone]);
      expect(one.taken).toHaveLength(64);
    },
  );

  test('takes a lone record some seconds ahead when its time has come, and not before', () => {
    const one = createShard();
    one.go(3);
    const lone = one.record(20 * SECOND_MS);
    one.go(19);
    expect(one.taken).not.toContain(lone);
    one.go(2);
    expect(one.taken).toContain(lone);
    expect(one.watermarkMs()).toBeLessThanOrEqual(0);
  });

  test('refuses a first record from the future, and takes what follows', () => {
    const one = createShard();
    const first = one.record(2 * HOUR_MS);
    one.go(62);
    expect(one.refused).toEqual([first]);
    expect(one.taken).toHaveLength(62);
  });

  test('does not walk: records at +14 and +28 minutes of one symbol cost no trade of any', () => {
    const one = createShard();
    one.go(2);
    one.record(14 * MINUTE_MS);
    one.record(28 * MINUTE_MS);
    for (let second = 0; second < 70; second++) {
      one.record(0, 'A');
      one.record(0, 'B');
      one.pass(SECOND_MS);
    }
    expect(one.taken).toHaveLength(142);
    expect(one.refused).toHaveLength(2);
    expect(one.watermarkMs()).toBeLessThanOrEqual(0);
  });

  test('does not walk by small steps either, while the clock objects', () => {
    const one = createShard();
    for (let step = 0; step < 100; step++) {
      one.record(0, 'A');
      one.record(step * 4_000, 'B');
      one.pass(100);
    }
    expect(one.watermarkMs()).toBeLessThanOrEqual(AHEAD_MS);
    expect(one.taken.length).toBeGreaterThanOrEqual(100);
  });

  test('goes on at once from an old first record', () => {
    const one = createShard();
    one.record(-10 * HOUR_MS);
    one.go(40);
    expect(one.taken).toHaveLength(41);
  });

  test('goes on at once after a suspend, when the monotonic clock stood still', () => {
    const one = createShard();
    one.go(3);
    one.suspend(20 * MINUTE_MS);
    one.go(5);
    expect(one.taken).toHaveLength(8);
  });

  test('takes the first record after a quiet night', () => {
    const one = createShard();
    one.go(1);
    one.pass(16 * HOUR_MS);
    one.go(1);
    expect(one.taken).toHaveLength(2);
  });
});

describe('createShardTime() with a wrong wall clock', () => {
  test.each([-20 * MINUTE_MS, -HOUR_MS])(
    'heals within three seconds, when it is %d ms off at the start',
    (off) => {
      const one = createShard({ clockOffMs: off });
      one.go(3);
      expect(one.taken).toEqual([1, 2, 3]);
      one.go(100);
      expect(one.taken).toHaveLength(103);
    },
  );

  test('heals with the second symbol, when it is slow at the start', () => {
    const one = createShard({ clockOffMs: -20 * MINUTE_MS });
    one.record(0, 'A');
    expect(one.taken).toEqual([]);
    one.record(-30, 'B');
    expect(one.taken).toEqual([1, 2]);
  });

  test('heals with the word of another shard, when it is slow at the start', () => {
    const feed = createFeedWideTime();
    const other = createShard({ clockOffMs: -20 * MINUTE_MS, feed });
    other.go(3);
    const thin = createShard({ clockOffMs: -20 * MINUTE_MS, feed });
    thin.pass(3 * SECOND_MS);
    thin.record();
    expect(thin.taken).toEqual([1]);
  });

  test.each([20 * MINUTE_MS, HOUR_MS])('loses nothing, when it is %d ms fast at the start', (off) => {
    const one = createShard({ clockOffMs: off });
    one.go(100);
    expect(one.taken).toHaveLength(100);
  });

  test.each([-HOUR_MS, -10 * MINUTE_MS, -6 * SECOND_MS, 6 * SECOND_MS, 10 * MINUTE_MS, HOUR_MS])(
    'loses nothing and waits for no more than three seconds, when it steps by %d ms',
    (step) => {
      const one = createShard();
      one.go(10);
      one.now.clockOffMs = step;
      one.go(4);
      expect(one.taken).toHaveLength(14);
      one.now.clockOffMs = 0;
      one.go(100);
      expect(one.taken).toHaveLength(114);
      expect(one.refused).toEqual([]);
    },
  );

  test('loses nothing, when it steps back while the machine sleeps', () => {
    const one = createShard();
    one.go(10);
    one.suspend(20 * MINUTE_MS);
    one.now.clockOffMs = -HOUR_MS;
    one.go(10);
    expect(one.taken).toHaveLength(20);
  });

  test('refuses a lone record from the future all the same', () => {
    const one = createShard({ clockOffMs: HOUR_MS });
    one.go(5);
    const lone = one.record(28 * MINUTE_MS);
    one.go(HORIZON_MS / SECOND_MS + 2);
    expect(one.refused).toEqual([lone]);
    expect(one.taken).toHaveLength(907);
  });
});

describe('createShardTime() with a delayed symbol', () => {
  test.each(['A first', 'B first'])('recognises it beside one in time and loses nothing (%s)', (order) => {
    const one = createShard();
    for (let second = 0; second < 30; second++) {
      if (order === 'B first') one.record(-20 * MINUTE_MS, 'B');
      one.record(0, 'A');
      if (order === 'A first') one.record(-20 * MINUTE_MS, 'B');
      one.pass(SECOND_MS);
    }
    expect(one.taken).toHaveLength(60);
    expect(one.delayed.get('B')).toBeGreaterThan(19 * MINUTE_MS);
    expect(one.delayed.has('A')).toBe(false);
    expect(one.watermarkMs()).toBeGreaterThan(-3_000);
  });

  test('is no longer delayed, when it comes in time again', () => {
    const one = createShard();
    for (let second = 0; second < 5; second++) {
      one.record(0, 'A');
      one.record(-20 * MINUTE_MS, 'B');
      one.pass(SECOND_MS);
    }
    expect(one.shard.delaysMs.has('B')).toBe(true);
    one.record(0, 'B');
    expect(one.shard.delaysMs.has('B')).toBe(false);
  });

  test('a lone late record is none: it goes on as it is, to be refused as too late', () => {
    const one = createShard();
    one.go(2);
    const lone = one.record(-20 * MINUTE_MS, 'B');
    expect(one.taken).not.toContain(lone);
    one.go(HORIZON_MS / SECOND_MS + 2);
    expect(one.taken).toContain(lone);
    expect(one.shard.delaysMs.size).toBe(0);
  });

  test('its first two records may be a silence apart: while nobody goes on, nobody is left behind', () => {
    const one = createShard();
    one.record(0, 'A');
    const first = one.record(-20 * MINUTE_MS, 'B');
    one.go(2);
    one.pass(21 * MINUTE_MS);
    one.go(2);
    expect(one.taken).not.toContain(first);
    one.record(-20 * MINUTE_MS, 'B');
    expect(one.taken).toContain(first);
    expect(one.delayed.get('B')).toBeGreaterThan(19 * MINUTE_MS);
  });

  test('a symbol in time that sends hours of its past at once is not delayed', () => {
    const one = createShard();
    one.go(2);
    for (let minute = 120; minute > 20; minute--) one.record(-minute * MINUTE_MS);
    one.go(3);
    expect(one.delayed.size).toBe(0);
    expect(one.taken).toHaveLength(105);
  });
});

describe('createShardTime() in a replay', () => {
  /** A recording: a record's true time, its symbol, and how far the recorder's clock is off then. */
  function play(
    records: readonly (readonly [atMs: number, symbol: string])[],
    clockAt: (atMs: number) => number | null,
  ) {
    const shard = { clock: null as FeedClock | null, delaysMs: new Map<string, number>() };
    const options = { disorderMs: 1_000, graceMs: 2_000, speed: Number.POSITIVE_INFINITY };
    const time = createShardTime<number>(
      shard,
      { clock: options, aheadMs: AHEAD_MS, horizonMs: HORIZON_MS, isReplay: true },
      createFeedWideTime(),
    );
    const verdicts = records.flatMap(([atMs, symbol], item) => {
      const clockMs = clockAt(atMs);
      const feedMs = Math.max(0, (clockMs ?? 0) - (clockAt(records[0]?.[0] ?? 0) ?? 0));
      return time.offer({ item, symbol, eventTimeMs: atMs, feedMs, clockMs });
    });
    const all = [...verdicts, ...time.end('recording')];
    return {
      taken: all.filter(({ kind }) => kind === 'taken').length,
      refused: all.filter(({ kind }) => kind === 'refused').length,
    };
  }

  const clocks: readonly (readonly [name: string, (atMs: number) => number | null])[] = [
    ['a right clock', (atMs) => atMs],
    ['none', () => null],
    ['a clock of 0', () => 0],
    ['a clock that stands still in the middle', () => START_MS + 20 * MINUTE_MS],
    ['a clock that stands still at the start', () => START_MS],
    ['a monotonic clock', (atMs) => atMs - START_MS + 12_345_678],
    ['a clock in seconds', (atMs) => Math.floor(atMs / 1_000)],
    ['a clock 20 minutes slow', (atMs) => atMs - 20 * MINUTE_MS],
    ['a clock a day fast', (atMs) => atMs + 24 * HOUR_MS],
  ];

  test.each(clocks)('loses no trade of a thin market over hours, with %s', (_name, clockAt) => {
    const records = Array.from({ length: 200 }, (_, n) => [START_MS + n * 75_000, 'A'] as const);
    expect(play(records, clockAt)).toEqual({ taken: 200, refused: 0 });
  });

  test.each(clocks)('loses no trade over a night, with %s', (_name, clockAt) => {
    const records = Array.from(
      { length: 100 },
      (_, n) => [START_MS + n * 700 + (n < 50 ? 0 : 14 * HOUR_MS), n % 3 === 0 ? 'B' : 'A'] as const,
    );
    expect(play(records, clockAt)).toEqual({ taken: 100, refused: 0 });
  });

  test.each(clocks)('loses no trade of a busy market, with %s', (_name, clockAt) => {
    const records = Array.from({ length: 5_000 }, (_, n) => [START_MS + n * 50, `S${n % 3}`] as const);
    expect(play(records, clockAt)).toEqual({ taken: 5_000, refused: 0 });
  });
});

test('createShardTime() takes every record in time and refuses only lone ones, whatever lone records come between', () => {
  const lone = fc.record({
    after: fc.nat(80),
    offMs: fc.oneof(
      fc.integer({ min: 70, max: 86_400 }).map((seconds) => seconds * SECOND_MS),
      fc.constantFrom(14 * MINUTE_MS, 28 * MINUTE_MS),
    ),
    symbol: fc.constantFrom('A', 'B', 'C'),
  });
  fc.assert(
    fc.property(fc.array(lone, { maxLength: 5 }), (lones) => {
      // Of one symbol each, so that no two of them agree with each other.
      const bySymbol = [...new Map(lones.map((one) => [one.symbol, one])).values()];
      const apart = bySymbol.filter((one, at) =>
        bySymbol.slice(0, at).every(({ offMs }) => Math.abs(offMs - one.offMs) > 2 * AHEAD_MS + 80_000),
      );
      const one = createShard();
      const inTime: number[] = [];
      for (let second = 0; second < 150; second++) {
        for (const symbol of ['A', 'B']) inTime.push(one.record(0, symbol));
        for (const { offMs, symbol, after } of apart) if (after === second) one.record(offMs, symbol);
        one.pass(SECOND_MS);
      }
      expect(one.taken).toEqual(expect.arrayContaining(inTime));
      expect(one.taken).toHaveLength(inTime.length);
      expect(one.refused).toHaveLength(apart.length);
      expect(one.watermarkMs()).toBeLessThanOrEqual(0);
    }),
    { numRuns: 100 },
  );
});
