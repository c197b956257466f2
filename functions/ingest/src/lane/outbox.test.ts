import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import { expect, test } from 'vitest';
import { createOutbox } from './outbox.ts';
import { createShardMap } from '../shard-map.ts';

const SHARDS = 12;
const SECONDS = 10;
const LINGER_MS = 50;
const SPACING_MS = 250;

function setUp(maxTrades = 400) {
  const map = createShardMap({
    feed: 'finnhub',
    format: FINNHUB,
    shardCount: SHARDS,
    maxTrades,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(map, { lingerMs: LINGER_MS, spacingMs: SPACING_MS });
  const add = (place: number, monotonicMs: number): void => {
    const record = { id: `${place}.${monotonicMs}`, record: {} };
    map.all()[place]?.buffer.append(record, {
      bytes: 10,

      eventTimeMs: monotonicMs,
      monotonicMs,
      watermarkMs: monotonicMs,
    });
  };
  const take = (monotonicMs: number) =>
    outbox.take({ epoch: 1, monotonicMs, wallMs: monotonicMs, traceparent: () => 'tp' }, false);
  return { add, take, readyAtMs: outbox.readyAtMs };
}

/**
 * Adds a record to each of the shards every so many milliseconds, and takes whatever is ready, for ten seconds.
 */
function run({ shards, everyMs, maxTrades }: { shards: number; everyMs: number; maxTrades?: number }) {
  const { add, take, readyAtMs } = setUp(maxTrades);
  const openedAtMs = new Map<number, number>();
  const waitsMs: number[] = [];
  /** By shard, when its batches left. */
  const leftAtMs = new Map<number, number[]>();
  const metrics = { groups: 0, batches: 0, records: 0 };
  for (let monotonicMs = 0; monotonicMs < SECONDS * 1_000; monotonicMs++) {
    for (let place = 0; place < shards; place++) {
      // Shards do not begin at the same millisecond.
      if ((monotonicMs + place * 7) % everyMs !== 0) continue;
      add(place, monotonicMs);
      if (!openedAtMs.has(place)) openedAtMs.set(place, monotonicMs);
    }
    if ((readyAtMs() ?? Number.POSITIVE_INFINITY) > monotonicMs) continue;
    const group = take(monotonicMs);
    expect(group).not.toBeNull();
    metrics.groups += 1;
    metrics.batches += group?.batches ?? 0;
    metrics.records += group?.records ?? 0;
    for (const event of group?.events ?? []) {
      const place = Number(event.extensions['shard']?.slice(-2));
      waitsMs.push(monotonicMs - (openedAtMs.get(place) ?? Number.NaN));
      openedAtMs.delete(place);
      leftAtMs.set(place, [...(leftAtMs.get(place) ?? []), monotonicMs]);
    }
  }
  const spacings = [...leftAtMs.values()].flatMap((times) =>
    times.slice(1).map((timeMs, index) => timeMs - (times[index] ?? 0)),
  );
  return {
    ...metrics,
    longestMs: Math.max(...waitsMs),
    shortestMs: Math.min(...waitsMs),
    closestMs: Math.min(...spacings),
  };
}

test('a batch lingers as long as asked for, when the one before it is a while ago', () => {
  expect(run({ shards: 1, everyMs: 400, maxTrades: 400 })).toMatchObject({
    longestMs: LINGER_MS,
    shortestMs: LINGER_MS,
  });
});

test('batches of a busy shard keep their distance, and nothing waits for longer than that', () => {
  const busy = run({ shards: SHARDS, everyMs: 5 });
  expect(busy.closestMs).toBe(SPACING_MS);
  expect(busy.longestMs).toBeLessThanOrEqual(SPACING_MS);
  expect(busy.batches).toBeGreaterThan((SHARDS * (SECONDS - 1) * 1_000) / SPACING_MS);
});

test('busy shards leave together', () => {
  const { groups, batches } = run({ shards: SHARDS, everyMs: 5 });
  expect(batches / groups).toBeGreaterThan(SHARDS - 1);
});

test('a batch that has not lingered leaves with one that has, unless it is too soon after its last', () => {
  const { add, take, readyAtMs } = setUp();
  add(0, 1_000);
  expect(take(1_050)?.batches).toBe(1);
  add(0, 1_060);
  add(1, 1_070);
  add(2, 1_119);
  expect(readyAtMs()).toBe(1_120);
  const group = take(1_120);
  expect(group?.events.map(({ key }) => key)).toEqual(['finnhub-01', 'finnhub-02']);
  expect(readyAtMs()).toBe(1_050 + SPACING_MS);
  expect(take(1_299)).toBeNull();
  expect(take(1_300)?.events.map(({ key }) => key)).toEqual(['finnhub-00']);
});

test('a full batch waits for nothing', () => {
  const { add, take, readyAtMs } = setUp(2);
  add(0, 1_000);
  take(1_050);
  add(0, 1_051);
  add(0, 1_052);
  add(0, 1_053);
  expect(readyAtMs()).toBe(Number.NEGATIVE_INFINITY);
  expect(take(1_053)?.records).toBe(2);
  expect(readyAtMs()).toBe(1_053 + SPACING_MS);
});
