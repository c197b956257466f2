import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import { observeTrade } from '@kandle/market/feed/feed-clock';
import { windowStartOf } from '@kandle/market/window/window';
import { expect, test } from 'vitest';
import { createOutbox } from '../lane/outbox.ts';
import { createShardMap } from '../shard-map.ts';
import { createGaps } from './gaps.ts';
import { createMoments } from './moments.ts';

const START_MS = 1_764_000_002_000;
const MINUTE_MS = 60_000;
const CLOCK = { disorderMs: 1_000, graceMs: 2_000, speed: 1 };
const DEPARTURE = { epoch: 7, monotonicMs: 0, wallMs: 0, traceparent: () => 'tp' };

/**
 * Two shards with a symbol each, and the two clocks that the test moves: the feed's time and the wall clock.
 */
function createFeed({ isReplay = false } = {}) {
  const shards = createShardMap({
    feed: 'sim',
    format: FINNHUB,
    shardCount: 12,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const clock = { feedMs: 5_000, wallMs: START_MS };
  const moments = createMoments({ feedMs: () => clock.feedMs, wallMs: () => clock.wallMs }, 5_000);
  const gaps = createGaps(shards, moments, { symbols: ['A', 'B'], disorderMs: 1_000, isReplay });
  const outbox = createOutbox(shards, { lingerMs: 1, spacingMs: 1 });
  return {
    gaps,
    shards,
    clock,
    pass(feedMs: number, wallMs = feedMs): void {
      clock.feedMs += feedMs;
      clock.wallMs += wallMs;
      moments.now();
    },
    trade(symbol: string, eventTimeMs: number): void {
      const shard = shards.shardOf(symbol);
      shard.clock = observeTrade(shard.clock, eventTimeMs, clock.feedMs, CLOCK);
      gaps.onTrades();
    },
    /** The shard as an earlier process left it, a moment ago. */
    recall(symbol: string, eventTimeMs: number, ingestMs: number): void {
      const shard = shards.shardOf(symbol);
      shard.clock = observeTrade(shard.clock, eventTimeMs, clock.feedMs, CLOCK);
      shard.lastIngestMs = ingestMs;
    },
    take: () => (outbox.take(DEPARTURE, true)?.events ?? []).map(({ data }) => Object(data)),
  };
}

const shardName = (feed: ReturnType<typeof createFeed>, symbol: string) => feed.shards.shardOf(symbol).name;

test('noteStart() tells the whole time away, when the clock is right', () => {
  const feed = createFeed();
  feed.recall('A', START_MS - 10 * MINUTE_MS, START_MS - 10 * MINUTE_MS);
  expect(feed.gaps.noteStart()).toBe(2);
  expect(feed.take()).toMatchObject(
    [
      { reason: 'started', shard: shardName(feed, 'B'), fromMs: windowStartOf(START_MS), toMs: START_MS },
      {
        reason: 'restarted',
        shard: shardName(feed, 'A'),
        fromMs: START_MS - 10 * MINUTE_MS - 1_000,
        toMs: START_MS,
      },
    ].toSorted((a, b) => a.shard.localeCompare(b.shard)),
  );
});

test('a restart on a clock that is twenty minutes slow tells the whole gap, when the first trade shows it', () => {
  const feed = createFeed();
  const awayMs = 10 * MINUTE_MS;
  const realMs = START_MS + 20 * MINUTE_MS;
  for (const symbol of ['A', 'B']) feed.recall(symbol, realMs - awayMs, realMs - awayMs);
  feed.gaps.noteStart();
  expect(feed.take().map(({ toMs }) => toMs)).toEqual([realMs - awayMs, realMs - awayMs]);
  feed.pass(2_000);
  feed.trade('A', realMs + 1_990);
  const longer = feed.take();
  expect(longer).toHaveLength(2);
  for (const gap of longer) {
    expect(gap).toMatchObject({ reason: 'restarted', fromMs: realMs - awayMs - 1_000 });
    // The other shard has not traded: it is told by how much the clock is slow, at least.
    expect(gap.toMs).toBeGreaterThanOrEqual(realMs - 10);
    expect(gap.toMs).toBeLessThanOrEqual(realMs + 20 * MINUTE_MS);
  }
  // Told once: trades go on, and the gap does not.
  feed.pass(2_000);
  feed.trade('A', realMs + 3_990);
  feed.trade('B', realMs + 3_990);
  expect(feed.take()).toEqual([]);
});

test('a machine that was paused, and whose clocks do not know it, is told by the first trade', () => {
  const feed = createFeed();
  feed.trade('A', START_MS);
  feed.trade('B', START_MS);
  feed.pass(2_000);
  feed.gaps.noteOutage('disconnected', 5_000);
  expect(feed.take()).toMatchObject([{ toMs: START_MS + 2_000 }, { toMs: START_MS + 2_000 }]);
  feed.pass(500);
  feed.trade('A', START_MS + 600_500);
  expect(feed.take()).toMatchObject([
    { fromMs: START_MS - 1_000, toMs: START_MS + 600_000 },
    { fromMs: START_MS - 1_000, toMs: START_MS + 600_000 },
  ]);
});

test('trades in time after an outage do not make its gap longer, nor do those of a quiet shard later', () => {
  const feed = createFeed();
  feed.trade('A', START_MS);
  feed.trade('B', START_MS);
  feed.pass(10_000);
  expect(feed.gaps.noteOutage('disconnected', 5_100)).toBe(2);
  expect(feed.take()).toHaveLength(2);
  feed.pass(300);
  feed.trade('A', START_MS + 10_290);
  feed.pass(10 * MINUTE_MS);
  feed.trade('B', START_MS + 10 * MINUTE_MS + 10_290);
  expect(feed.take()).toEqual([]);
});

test('the end of a gap in a replay is its first trade after it: no clock tells', () => {
  const feed = createFeed({ isReplay: true });
  expect(feed.gaps.noteStart()).toBe(0);
  feed.trade('A', START_MS);
  feed.gaps.noteOutage('frame_refused', 5_000);
  expect(feed.take()).toMatchObject([{ fromMs: START_MS - 1_000, toMs: START_MS }]);
  feed.trade('A', START_MS + 8_000);
  feed.trade('A', START_MS + 20_000);
  expect(feed.take()).toMatchObject([{ fromMs: START_MS - 1_000, toMs: START_MS + 8_000 }]);
});

test('the first window is told where the first trade is, when the clock is an hour fast', () => {
  const feed = createFeed();
  feed.gaps.noteStart();
  feed.take();
  const realMs = START_MS - 60 * MINUTE_MS;
  feed.pass(100);
  feed.trade('A', realMs + 100);
  expect(feed.take()).toMatchObject([
    { reason: 'started', shard: shardName(feed, 'A'), fromMs: windowStartOf(realMs), toMs: realMs },
  ]);
});
