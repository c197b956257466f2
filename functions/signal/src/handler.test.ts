import { toE8 } from '@kandle/market/number/fixed-point';
import { type CandleBatch, formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { WINDOW_MS } from '@kandle/market/window/window';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import { expect, test } from 'vitest';
import type { Fault } from '@kandle/testkit/faulty-database';
import { createRandom } from '@kandle/tooling/random';
import { receivedEvent } from '@kandle/testkit/received-event';
import { candleOf, SHARD } from '../test/candle-log.ts';
import { createFaultyStates } from '../test/faulty-states.ts';
import { createMemoryStore } from '../test/memory-store.ts';
import { judge } from '../test/oracle.ts';
import { SETTINGS } from '../test/settings.ts';
import { parseSignalBatch } from '@kandle/market/signal/signal-batch';
import { createSignalMetrics } from './metrics.ts';
import { createSignal } from './handler.ts';
import type { NewsSentiments } from './news-sentiment.ts';
import { createSignalPublisher } from './publish.ts';
import { parseRules, type Rule } from '@kandle/market/signal/rules';
import { createStateMemory } from './state-memory.ts';

const BEGIN_MS = 1_700_000_000_000;
const random = createRandom(1);

function started(
  options: {
    readonly maxRecomputedWindows?: number;
    readonly news?: NewsSentiments;
    readonly rules?: readonly Rule[];
    readonly faults?: Fault[];
    readonly monotonicMs?: () => number;
    /** Called before each statement. */
    readonly onStatement?: () => void;
    readonly budgetMs?: number;
  } = {},
) {
  const store = createMemoryStore();
  const database = createFaultyStates(store);
  const states = database.connect(async (kind) => {
    options.onStatement?.();
    return (kind === 'write' && options.faults?.shift()) || 'none';
  });
  const counted: Record<string, number> = {};
  const metrics = createSignalMetrics({
    counter: (name) => ({
      add(value, labels = {}) {
        const label = [name.replace(/^signal_|_total$/g, ''), ...Object.values(labels)].join(' ');
        counted[label] = (counted[label] ?? 0) + value;
      },
    }),
    histogram: () => ({ record: () => undefined }),
  });
  const published: MarketEvent[] = [];
  const producer = {
    send: async (_topic: string, events: readonly MarketEvent[]) => void published.push(...events),
    connect: async () => undefined,
    close: async () => undefined,
  };
  const signal = createSignal({
    ...SETTINGS,
    rules: () => options.rules ?? SETTINGS.rules,
    news: options.news ?? { read: async () => new Map() },
    states,
    metrics,
    memory: createStateMemory(states, { reach: 4, maxRows: 100_000, monotonicMs: () => 1 }),
    publisher: createSignalPublisher(producer, 'signals', SETTINGS.periods),
    reach: 4,
    monotonicMs: options.monotonicMs ?? (() => 0),
    budgetMs: options.budgetMs ?? 1,
    maxRecomputedWindows: options.maxRecomputedWindows ?? 100,
    maxAttempts: 5,
    backOff: async () => undefined,
  });
  return {
    database,
    store,
    published,
    counted,
    handle: (event: MarketEvent) => signal(receivedEvent(event)),
  };
}

function finals(index: number, symbols: readonly string[], change: Partial<CandleBatch> = {}): MarketEvent {
  const version = change.version ?? 2;
  const [event] = formatCandleBatch({
    shard: SHARD,
    windowStartMs: BEGIN_MS + index * WINDOW_MS,
    windowMs: WINDOW_MS,
    kind: 'final',
    version,
    candles: symbols.map((symbol) => candleOf(random, symbol, version, change.kind ?? 'final')),
    ...change,
  });
  if (event === undefined) throw new Error('no event');
  return event;
}

test('signal() costs one write and no read an event, however many symbols, once it is warm', async () => {
  const { database, handle } = started();
  const symbols = Array.from({ length: 200 }, (_, i) => `S${i}`);
  for (let index = 0; index < 5; index++) await handle(finals(index, symbols));
  const before = { ...database.counts };
  for (let index = 5; index < 25; index++) await handle(finals(index, symbols));
  expect(database.counts.writes - before.writes).toBe(20);
  expect(database.counts.reads - before.reads).toBe(0);
});

test('signal() costs nothing, when candles are provisional', async () => {
  const { database, published, handle } = started();
  await handle(finals(0, ['A'], { kind: 'provisional' }));
  expect({ ...database.counts, published }).toEqual({ reads: 0, writes: 0, published: [] });
});

test('signal() ignores a lower version, and publishes the same again', async () => {
  const { database, published, handle } = started();
  const [first, second] = [finals(0, ['A']), finals(0, ['A'], { kind: 'revised', version: 3 })];
  await handle(first);
  await handle(second);
  const once = published.splice(0).slice(1);
  const writes = database.counts.writes;
  await handle(first);
  await handle(second);
  expect(database.counts.writes).toBe(writes);
  expect(published).toEqual([...once, ...once]);
});

test('signal() recomputes the windows after a revision, of its symbol only, and takes its mark off', async () => {
  const { store, published, handle } = started();
  for (let index = 0; index < 10; index++) await handle(finals(index, ['A', 'B']));
  published.splice(0);
  await handle(finals(2, ['A'], { kind: 'revised', version: 3 }));
  const indicators = published
    .filter(({ type }) => type === EVENT_TYPES.indicators)
    .map(({ data }) => parseIndicatorBatch(data));
  expect(indicators.map(({ windowStartMs }) => (windowStartMs - BEGIN_MS) / WINDOW_MS)).toEqual([
    2, 3, 4, 5, 6, 7, 8, 9,
  ]);
  expect(new Set(indicators.flatMap((batch) => batch.indicators.map(({ symbol }) => symbol)))).toEqual(
    new Set(['A']),
  );
  expect(store.windowAt({ shard: SHARD, windowStartMs: BEGIN_MS + 2 * WINDOW_MS }).pending).toBe(0);
});

test('signal() recomputes no more windows than it may', async () => {
  const { store, handle } = started({ maxRecomputedWindows: 3 });
  for (let index = 0; index < 10; index++) await handle(finals(index, ['A']));
  await handle(finals(2, ['A'], { kind: 'revised', version: 3 }));
  const versions = Array.from(
    { length: 10 },
    (_, index) =>
      store.windowAt({ shard: SHARD, windowStartMs: BEGIN_MS + index * WINDOW_MS }).rows.get('A')?.version,
  );
  expect(versions).toEqual([1, 1, 2, 2, 2, 2, 1, 1, 1, 1]);
});

test('signal() goes on with a long recomputation where the delivery before gave it back, each within its time', async () => {
  const WINDOWS = 400;
  let nowMs = 0;
  const { database, store, published, handle } = started({
    maxRecomputedWindows: 2_000,
    monotonicMs: () => nowMs,
    // Of a statement's time; a window takes two or three of them.
    onStatement: () => void (nowMs += 5),
    budgetMs: 1_000,
  });
  const log = Array.from({ length: WINDOWS }, (_, index) => finals(index, ['A', 'B']));
  for (const event of log) await handle(event);
  const revision = finals(1, ['A'], { kind: 'revised', version: 3 });
  const counts = { ...database.counts };
  let deliveries = 0;
  let longestMs = 0;
  for (let isDone = false; !isDone; deliveries++) {
    const beganMs = nowMs;
    isDone = await handle(revision).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof RetryableError)) throw error;
        return false;
      },
    );
    longestMs = Math.max(longestMs, nowMs - beganMs);
  }
  expect(longestMs).toBeLessThan(1_100);
  const statements = database.counts.reads + database.counts.writes - counts.reads - counts.writes;
  // A write and two looks for each window, and some more where a delivery takes over from the one before.
  expect(statements).toBeLessThan(3 * WINDOWS + 40 * deliveries);
  expect(deliveries).toBeGreaterThan(2);
  expect(await judge(SHARD, [...log, revision], store, published, SETTINGS)).toEqual([]);
  const { pending, recomputedToMs } = store.windowAt({
    shard: SHARD,
    windowStartMs: BEGIN_MS + WINDOW_MS,
  });
  expect({ pending, recomputedToMs }).toEqual({ pending: 0, recomputedToMs: null });
});

test('signal() begins a recomputation anew, when its window changes again before it is done', async () => {
  const { store, published, handle } = started({ maxRecomputedWindows: 2_000, budgetMs: 0 });
  const log = Array.from({ length: 12 }, (_, index) => finals(index, ['A', 'B']));
  for (const event of log) await handle(event).catch(() => undefined);
  const first = finals(1, ['A'], { kind: 'revised', version: 3 });
  const second = finals(1, ['B'], { kind: 'revised', version: 4 });
  const third = finals(4, ['A'], { kind: 'revised', version: 3 });
  for (let n = 0; n < 5; n++) await expect(handle(first)).rejects.toThrow(/send the event again/);
  await expect(handle(third)).rejects.toThrow(RetryableError);
  await expect(handle(second)).rejects.toThrow(RetryableError);
  // Each as a source does it: again and again until it is taken, and not once more.
  const isTaken = async (event: MarketEvent): Promise<boolean> =>
    await handle(event).then(
      () => true,
      () => false,
    );
  for (const event of [second, third, first]) {
    for (let n = 0; !(await isTaken(event)); n++) expect(n).toBeLessThan(50);
  }
  expect(await judge(SHARD, [...log, first, second, third], store, published, SETTINGS)).toEqual([]);
});

test('signal() counts signals found and taken back, starts of series, recomputed windows and lost writes', async () => {
  const rules = parseRules(
    { rules: [{ name: 'cross', kind: 'moving-average-cross', fast: 'close', slow: 'sma', coolDownMs: 0 }] },
    3,
  );
  const { counted, handle } = started({ rules, faults: ['none', 'unknown_applied', 'unknown_lost'] });
  const closing = (index: number, close: number, version = 2): MarketEvent => {
    const kind = version > 2 ? 'revised' : 'final';
    const priceE8 = toE8(close);
    const prices = { openE8: priceE8, highE8: priceE8, lowE8: priceE8, closeE8: priceE8 };
    return finals(index, [], {
      kind,
      version,
      candles: [{ ...candleOf(random, 'A', version, kind), ...prices, lastTradeMs: BEGIN_MS + index }],
    });
  };
  for (const [index, close] of [10, 10, 10, 9, 12, 12].entries()) await handle(closing(index, close));
  expect(counted).toEqual({
    series_starts: 1,
    'cas_retries unknown': 2,
    'signals cross active': 1,
  });
  await handle(closing(4, 9, 3));
  // What crossed in window 4 now crosses in window 5.
  expect(counted).toMatchObject({
    'signals cross active': 2,
    'signals cross retracted': 1,
    recomputed_windows: 1,
    series_starts: 1,
  });
  // Revised, and found the same.
  const before = { ...counted };
  await handle(closing(5, 12, 3));
  expect(counted).toEqual(before);
});

test('signal() keeps the sentiment of when a row was first made, in repeats and revisions', async () => {
  let mean = 0.9;
  const rules = parseRules({ rules: [{ name: 'news', kind: 'news-sentiment', coolDownMs: 0 }] }, 3);
  const news: NewsSentiments = { read: async () => new Map([['A', { mean, news: 3 }]]) };
  const { published, handle } = started({ news, rules });
  const first = finals(0, ['A']);
  await handle(first);
  mean = -0.9;
  await handle(first);
  await handle(finals(0, ['A'], { kind: 'revised', version: 3 }));
  const sides = published
    .filter(({ type }) => type === EVENT_TYPES.signals)
    .flatMap(({ data }) => parseSignalBatch(data).signals.map(({ side, state }) => `${side} ${state}`));
  expect(sides).toEqual(['buy active', 'buy active', 'buy active']);
  await handle(finals(1, ['A']));
  expect(parseSignalBatch(published.at(-1)?.data).signals).toMatchObject([{ side: 'sell' }]);
});

test.each([
  ['is no candle batch', { data: { shard: SHARD } }],
  ['has windows of another length', { data: { ...Object(finals(0, ['A']).data), windowMs: 60_000 } }],
  ['starts within a window', { data: { ...Object(finals(0, ['A']).data), windowStartMs: BEGIN_MS + 1 } }],
])('signal() refuses for ever an event that %s', async (_, change) => {
  const { handle } = started();
  await expect(handle({ ...finals(0, ['A']), ...change })).rejects.toThrow(PoisonError);
});
