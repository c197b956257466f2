import { expect, test } from 'vitest';
import { createOutbox } from './outbox.ts';
import { createShardMap } from './shard-map.ts';

const SHARDS = 12;
const SECONDS = 10;

/** Adds a record to each of the shards every so many milliseconds, and takes whatever is ready, for ten seconds. */
function run({
  shards,
  everyMs,
  batchesPerSecond,
}: Readonly<Record<'shards' | 'everyMs' | 'batchesPerSecond', number>>) {
  const map = createShardMap({
    feed: 'finnhub',
    shardCount: SHARDS,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const outbox = createOutbox(map, { lingerMs: 50, batchesPerSecond });
  const openedAtMs = new Map<number, number>();
  const waitsMs: number[] = [];
  let batches = 0;
  let records = 0;
  for (let nowMs = 0; nowMs < SECONDS * 1_000; nowMs++) {
    for (const [place, { buffer }] of map.lines().slice(0, shards).entries()) {
      // Shards do not begin at the same millisecond.
      if ((nowMs + place * 7) % everyMs !== 0) continue;
      buffer.append(
        { id: String(nowMs), record: {} },
        { bytes: 10, isTrade: true, eventTimeMs: nowMs, nowMs, watermarkMs: nowMs },
      );
      if (!openedAtMs.has(place)) openedAtMs.set(place, nowMs);
    }
    if ((outbox.readyAtMs() ?? Number.POSITIVE_INFINITY) > nowMs) continue;
    const group = outbox.take({ epoch: 1, nowMs, wallMs: nowMs, traceparent: () => 'tp' }, false);
    expect(group).not.toBeNull();
    batches += group?.batches ?? 0;
    records += group?.records ?? 0;
    for (const event of group?.events ?? []) {
      const place = Number(event.extensions['shard']?.slice(-2));
      waitsMs.push(nowMs - (openedAtMs.get(place) ?? Number.NaN));
      openedAtMs.delete(place);
    }
  }
  return { batches, records, longestMs: Math.max(...waitsMs), shortestMs: Math.min(...waitsMs) };
}

test('a batch lingers as long as asked for, while few of them leave', () => {
  expect(run({ shards: 1, everyMs: 200, batchesPerSecond: 80 })).toMatchObject({
    longestMs: 50,
    shortestMs: 50,
  });
});

test('batches of busy shards linger longer, so that no more of them leave in a second than is good', () => {
  const busy = run({ shards: SHARDS, everyMs: 5, batchesPerSecond: 80 });
  expect(busy.batches).toBeGreaterThan(70 * SECONDS);
  expect(busy.batches).toBeLessThanOrEqual(80 * SECONDS + SHARDS);
  expect(busy.longestMs).toBeLessThanOrEqual((SHARDS * 1_000) / 80 + 50);
});

test('nothing lingers for more than 200 ms longer, however few batches are asked for', () => {
  const busy = run({ shards: SHARDS, everyMs: 5, batchesPerSecond: 1 });
  expect(busy.longestMs).toBeLessThanOrEqual(250);
  expect(busy.batches).toBeGreaterThan((SHARDS * SECONDS * 1_000) / 250);
  expect(busy.records).toBeGreaterThan(SHARDS * SECONDS * 190);
});
