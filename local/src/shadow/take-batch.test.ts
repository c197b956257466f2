import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { expect, test } from 'vitest';
import { takeBatch } from './take-batch.ts';

const BEGIN_MS = 1_764_000_000_000;
const MINUTE_MS = 60_000;
/** It begins and ends within a window. */
const PLAYED = { fromMs: BEGIN_MS + 2_000, toMs: BEGIN_MS + 10 * MINUTE_MS + 3_000, rules: null };

function batchOf(timesMs: readonly number[], watermarkMs: number) {
  return formatRawBatch({
    shard: 'sim-00',
    epoch: 1,
    sequence: 7,
    watermarkMs,
    watermarkBeforeMs: watermarkMs,
    ingestTimeMs: watermarkMs,
    records: timesMs.map((t) => ({ id: String(t), record: { s: 'A', p: 1, t, v: 1, c: null } })),
  });
}
const taken = ({ type, extensions, data }: MarketEvent, played = PLAYED) =>
  takeBatch({ attributes: { type, ...extensions }, value: Buffer.from(JSON.stringify(data)) }, played);
const FAR_MS = BEGIN_MS + 60 * MINUTE_MS;

test('takeBatch() takes a late trade of any window that starts in the stretch, and of no other', () => {
  const isTaken = (timeMs: number) => taken(batchOf([timeMs], FAR_MS)) !== null;
  expect(isTaken(BEGIN_MS + 4_999)).toBe(false);
  expect(isTaken(BEGIN_MS + 5_000)).toBe(true);
  // The last window starts before the end of the stretch, and goes on behind it.
  expect(isTaken(BEGIN_MS + 10 * MINUTE_MS + 4_999)).toBe(true);
  expect(isTaken(BEGIN_MS + 10 * MINUTE_MS + 5_000)).toBe(false);
});

test('takeBatch() takes what only tells the time of then, gaps that touch the stretch, and puts other rules in', () => {
  expect(taken(batchOf([], BEGIN_MS))).not.toBeNull();
  expect(taken(batchOf([], FAR_MS))).toBeNull();
  const gap = (fromMs: number) =>
    formatFeedGap({ shard: 'sim-00', fromMs, toMs: fromMs + 1, reason: 'silent', droppedRecords: 0 }, 1);
  expect(taken(gap(BEGIN_MS + 5_000))).not.toBeNull();
  expect(taken(gap(FAR_MS))).toBeNull();
  const ruled = taken(batchOf([], BEGIN_MS), { ...PLAYED, rules: 'all' as never });
  expect(JSON.parse(String(ruled))).toEqual({ records: [], rules: 'all' });
});
