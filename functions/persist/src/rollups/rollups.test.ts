import { e16, e8 } from '@kandle/market/number/fixed-point';
import { ROLLUP_LEVELS, type ViewCandle } from '@kandle/market/candle/rollup';
import { createRandom, type Random } from '@kandle/tooling/random';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createMemoryRollups, type MemoryRollups, type StoredCandle } from '../../test/memory-rollups.ts';
import type { RollupStore } from './rollup-store.ts';
import { createRollups, type Rollups } from './rollups.ts';

/** Schedules per run; `SCHEDULES=5000` for a long one. */
const SCHEDULES = Number(process.env['SCHEDULES'] ?? 100);
const DAY = Date.UTC(2026, 10, 2);
/** Windows on both sides of every boundary, so that each level has several parts. */
const STARTS = [0, 5, 55, 60, 295, 300, 3_595, 3_600, 86_395, 86_400, 86_405].map((s) => DAY + s * 1_000);

/** One version of a candle. */
function version(random: Random, symbol: string, startMs: number, number: number): StoredCandle {
  const low = 1 + random.below(9);
  const high = low + random.below(5);
  const tradeCount = 1 + random.below(4);
  return {
    shard: 'sim-00',
    symbol,
    state: number > 2 ? 'revised' : 'final',
    candle: {
      startMs,
      version: number,
      open: low,
      high,
      low,
      close: high,
      volumeE8: e8(BigInt(1 + random.below(50))),
      notionalE16: e16(BigInt(1 + random.below(50))),
      priceSumE8: e8(BigInt(1 + random.below(9))),
      tradeCount,
      revision: Math.max(0, number - 2),
      reason: number > 2 ? 'late_trade' : '',
      sampled: false,
      rank: 0,
      complete: random.chance(0.8),
      parts: 1,
    },
  };
}

function makeCandles(random: Random): readonly StoredCandle[] {
  const candles: StoredCandle[] = [];
  for (const symbol of ['A', 'B']) {
    for (const startMs of STARTS.filter(() => random.chance(0.7))) {
      const versions = 2 + random.below(3);
      for (let n = 2; n <= versions; n++) candles.push(version(random, symbol, startMs, n));
    }
  }
  return candles;
}

/** What every level must hold in the end: the newest versions, looked at one period at a time. */
function naive(candles: readonly StoredCandle[], periodMs: number): ReadonlyMap<string, object> {
  const newest = new Map<string, StoredCandle>();
  for (const stored of candles.toSorted((a, b) => a.candle.version - b.candle.version)) {
    newest.set(`${stored.symbol}|${stored.candle.startMs}`, stored);
  }
  const groups = Map.groupBy(
    newest.values(),
    ({ symbol, candle }) => `sim-00|${symbol}|${Math.floor(candle.startMs / periodMs) * periodMs}`,
  );
  return new Map(
    [...groups].map(([key, group]) => {
      const parts = group.map(({ candle }) => candle).toSorted((a, b) => a.startMs - b.startMs);
      const total = (name: 'tradeCount' | 'revision' | 'version' | 'parts'): number =>
        parts.reduce((sum, part) => sum + part[name], 0);
      return [
        key,
        {
          open: parts.at(0)?.open,
          close: parts.at(-1)?.close,
          high: Math.max(...parts.map(({ high }) => high)),
          low: Math.min(...parts.map(({ low }) => low)),
          complete: !parts.some(({ complete }) => !complete),
          sampled: false,
          volumeE8: parts.reduce((sum, { volumeE8 }) => sum + volumeE8, 0n),
          notionalE16: parts.reduce((sum, { notionalE16 }) => sum + notionalE16, 0n),
          priceSumE8: parts.reduce((sum, { priceSumE8 }) => sum + priceSumE8, 0n),
          tradeCount: total('tradeCount'),
          revision: total('revision'),
          version: total('version'),
          parts: total('parts'),
        },
      ];
    }),
  );
}

function byKey([a]: readonly [string, object], [b]: readonly [string, object]): number {
  return a < b ? -1 : 1;
}

interface Gate {
  readonly process: number;
  readonly open: () => void;
}

/** The store as one process sees it: every statement waits until it is let through. */
function gated(store: MemoryRollups, gate: () => Promise<void>): RollupStore {
  const after = async <T>(statement: () => Promise<T>): Promise<T> => {
    await gate();
    return await statement();
  };
  return {
    readParts: (...of) => after(() => store.readParts(...of)),
    write: (...of) => after(() => store.write(...of)),
    mark: (...of) => after(() => store.mark(...of)),
    unmark: (...of) => after(() => store.unmark(...of)),
    readMarks: () => after(() => store.readMarks()),
  };
}

/** Delivers every version, some twice, in any order to two processes that are killed now and then. */
async function runSchedule(
  random: Random,
  candles: readonly StoredCandle[],
  store: MemoryRollups,
): Promise<void> {
  const gates: Gate[] = [];
  const dead = new Set<number | undefined>();
  let clock = 0n;
  let created = 0;

  function createProcess(): { readonly process: number; readonly rollups: Rollups } {
    created += 1;
    const process = created;
    const gate = (): Promise<void> =>
      new Promise((resolve) => {
        if (!dead.has(process)) gates.push({ process, open: resolve });
      });
    const rollups = createRollups(gated(store, gate), {
      process: `p${process}`,
      idleMs: 1e9,
      concurrency: 1 + random.below(4),
      maxPending: random.pick([1, 3, 1_000]),
      nowMs: () => 0,
      nowUs: () => (clock += 1n),
      log: { warn: () => undefined },
    });
    return { process, rollups };
  }

  async function deliver(to: ReturnType<typeof createProcess>, stored: StoredCandle): Promise<void> {
    await new Promise<void>((resolve) => gates.push({ process: to.process, open: resolve }));
    store.put(stored);
    const { shard, symbol, candle } = stored;
    const event = `${symbol}:${candle.startMs}:${candle.version}`;
    await to.rollups.note({
      shard,
      feed: 'sim',
      event,
      windowStartMs: candle.startMs,
      symbols: [symbol],
    });
  }

  const processes = [createProcess(), createProcess()];
  const log = [...candles, ...candles.filter(() => random.chance(0.2))];
  const waiting = log
    .map((stored) => ({ stored, place: random.below(1_000) }))
    .toSorted((a, b) => a.place - b.place);
  const underWay = new Map<object, number>();
  while (waiting.length > 0 || underWay.size > 0) {
    const place = random.below(2);
    if (random.chance(0.01)) {
      const killed = processes[place]?.process;
      processes[place] = createProcess();
      dead.add(killed);
      for (let i = gates.length - 1; i >= 0; i--) if (gates[i]?.process === killed) gates.splice(i, 1);
      for (const [work, process] of underWay) {
        if (process === killed && underWay.delete(work)) waiting.push(work as (typeof waiting)[number]);
      }
    }
    const to = processes[place];
    if (to !== undefined && underWay.size < 3 && waiting.length > 0) {
      const [work] = waiting.splice(0, 1);
      if (work !== undefined) {
        underWay.set(work, to.process);
        void deliver(to, work.stored).then(() => {
          if (underWay.get(work) === to.process) underWay.delete(work);
        });
      }
    }
    gates.splice(random.below(gates.length || 1), 1)[0]?.open();
    await new Promise((resolve) => setImmediate(resolve));
  }
  // One process ends, or is killed; another one begins and ends.
  const isKilled = random.chance(0.5);
  if (isKilled) {
    for (const { process } of processes) dead.add(process);
    gates.length = 0;
  }
  const last = isKilled ? [createProcess()] : [...processes, createProcess()];
  let closed = 0;
  for (const { rollups } of last) void rollups.close().then(() => (closed += 1));
  while (closed < last.length) {
    for (const { open } of gates.splice(0)) open();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test(`createRollups() ends with the candles of the newest parts on every level, when ${SCHEDULES} seeded schedules bring any order, races and kills`, async () => {
  const wrong: string[] = [];
  for (let seed = 1; seed <= SCHEDULES; seed++) {
    const random = createRandom(seed);
    const candles = makeCandles(random);
    const store = createMemoryRollups();
    await runSchedule(random, candles, store);
    for (const { name, periodMs } of ROLLUP_LEVELS) {
      const expected = [...naive(candles, periodMs)].toSorted(byKey);
      const found = [...store.at(name)].toSorted(byKey);
      try {
        expect(found).toMatchObject(expected);
        expect(found).toHaveLength(expected.length);
      } catch {
        wrong.push(`seed ${seed}: ${name}`);
      }
    }
  }
  expect(wrong).toEqual([]);
}, 600_000);

describe('createRollups() on a clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function createRig(store: RollupStore & Partial<MemoryRollups> = createMemoryRollups()) {
    const warnings: unknown[] = [];
    const rollups = createRollups(store, {
      process: 'p',
      idleMs: 8_000,
      concurrency: 4,
      maxPending: 10,
      nowMs: () => Date.now(),
      nowUs: () => BigInt(Date.now()) * 1_000n,
      log: { warn: (text: unknown) => void warnings.push(text) },
    });
    return { rollups, warnings };
  }

  const random = createRandom(1);
  const put = async (store: MemoryRollups, rollups: Rollups, startMs: number): Promise<void> => {
    const stored = version(random, 'A', startMs, 2);
    store.put(stored);
    const of = { shard: 'sim-00', feed: 'sim', symbols: ['A'] };
    await rollups.note({ ...of, event: `e${startMs}`, windowStartMs: startMs });
  };

  test('rolls a minute up when a later one comes, and the last when the shard is silent', async () => {
    const store = createMemoryRollups();
    const { rollups } = createRig(store);
    for (const second of [0, 5, 55]) await put(store, rollups, DAY + second * 1_000);
    await vi.advanceTimersByTimeAsync(4_000);
    expect(store.at('1m').size).toBe(0);
    await put(store, rollups, DAY + 60_000);
    await vi.advanceTimersByTimeAsync(1);
    expect([...store.at('1m').values()]).toMatchObject([{ startMs: DAY, parts: 3 }]);
    await vi.advanceTimersByTimeAsync(12_000);
    expect([...store.at('1m').keys()]).toEqual([`sim-00|A|${DAY}`, `sim-00|A|${DAY + 60_000}`]);
    expect([...store.at('1d').values()]).toMatchObject([{ parts: 4 }]);
    expect(await store.readMarks()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('leaves word until a minute is rolled up, which the next process makes up for', async () => {
    const store = createMemoryRollups();
    await put(store, createRig(store).rollups, DAY);
    expect(await store.readMarks()).toMatchObject([{ process: 'p', minuteMs: DAY, symbols: ['A'] }]);
    const next = createRollups(store, {
      process: 'q',
      idleMs: 8_000,
      concurrency: 1,
      maxPending: 1,
      nowMs: () => Date.now(),
      nowUs: () => BigInt(Date.now() + 2 * 3_600_000) * 1_000n,
      log: { warn: () => undefined },
    });
    next.start();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(store.at('1d').size).toBe(1);
    // Two hours later by its clock: whoever left it is gone.
    expect(await store.readMarks()).toEqual([]);
  });

  test('takes word of a gone process back when it is an hour old, however long this one lives', async () => {
    const store = createMemoryRollups();
    store.put(version(random, 'A', DAY, 2));
    const word = { shard: 'sim-00', process: 'gone', minuteMs: DAY, event: 'e', feed: 'sim', symbols: ['A'] };
    await store.mark({ ...word, madeAtMs: Date.now() }, BigInt(Date.now()) * 1_000n);
    const { rollups: next } = createRig(store);
    next.start();
    await vi.advanceTimersByTimeAsync(12_000);
    expect(store.at('1d').size).toBe(1);
    expect(await store.readMarks()).toMatchObject([{ process: 'gone' }]);
    await vi.advanceTimersByTimeAsync(3_700_000);
    await put(store, next, DAY + 60_000);
    await vi.advanceTimersByTimeAsync(12_000);
    expect(await store.readMarks()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('tries again and loses nothing, when the store is away', async () => {
    const store = createMemoryRollups();
    let away = true;
    const { rollups, warnings } = createRig({
      ...store,
      readParts: async (...of) => {
        if (away) throw new Error('the store is away');
        return await store.readParts(...of);
      },
    });
    await put(store, rollups, DAY);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(warnings[0]).toMatch(/^Cannot roll up yet/);
    expect(await store.readMarks()).toHaveLength(1);
    away = false;
    await vi.advanceTimersByTimeAsync(12_000);
    expect([...store.at('1h').values()]).toMatchObject([{ parts: 1 } satisfies Partial<ViewCandle>]);
    expect(await store.readMarks()).toEqual([]);
  });

  test('ends all the same, when the store is away at its end: word of it is left', async () => {
    const store = createMemoryRollups();
    const { rollups, warnings } = createRig({ ...store, readParts: () => Promise.reject(new Error('away')) });
    await put(store, rollups, DAY);
    await rollups.close();
    expect(warnings).toHaveLength(1);
    expect(await store.readMarks()).toHaveLength(1);
  });

  test('lets an event wait, when too much is pending', async () => {
    const store = createMemoryRollups();
    const { rollups } = createRig(store);
    for (let n = 0; n <= 10; n++) await put(store, rollups, DAY - n * 60_000);
    expect(store.at('1m').size).toBe(11);
  });

  test('rolls up everything at its end', async () => {
    const store = createMemoryRollups();
    const { rollups } = createRig(store);
    await put(store, rollups, DAY);
    await rollups.close();
    expect(store.at('1d').size).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
