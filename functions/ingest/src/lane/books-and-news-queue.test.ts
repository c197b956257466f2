import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { shardOf } from '@kandle/market/event/shard';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBooksAndNewsQueue } from './books-and-news-queue.ts';
import { createShardMap } from '../shard-map.ts';

const DEPARTURE = { epoch: 7, monotonicMs: 0, wallMs: 1_764_000_000_000, traceparent: () => '00-a-b-01' };

function createQueue() {
  const shards = createShardMap({
    feed: 'sim',
    format: FINNHUB,
    shardCount: 12,
    maxTrades: 400,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const queue = createBooksAndNewsQueue(shards, 1);
  function take() {
    const events: MarketEvent[] = [];
    for (let group = queue.take(DEPARTURE, true); group !== null; group = queue.take(DEPARTURE, true)) {
      events.push(...group.events);
    }
    return events.map((event) => ({ ...event, batch: parseRawBatch(event.extensions, event.data) }));
  }
  return { queue, take };
}

const book = (s: string, t: number) => ({ s, t, b: [[1, 1]], a: [[2, 1]] });

test('take() gives the newest book of each symbol in its shard, numbered without a hole, when books come in any order', () => {
  const arrivals = fc.array(fc.tuple(fc.constantFrom('A', 'B', 'C', 'D'), fc.nat(9)), { maxLength: 8 });
  fc.assert(
    fc.property(fc.array(arrivals, { maxLength: 6 }), (rounds) => {
      const { queue, take } = createQueue();
      const sequences = new Map<string, number>();
      for (const round of rounds) {
        const newest = new Map<string, number>();
        for (const [symbol, t] of round) {
          const verdict = queue.offer('books', book(symbol, t), 0);
          expect(verdict.kind).toBe(newest.has(symbol) ? 'coalesced' : 'waiting');
          newest.set(symbol, t);
        }
        expect(queue.size()).toBe(newest.size);
        const sent = new Map<string, unknown>();
        for (const { batch, type, key } of take()) {
          expect([type, key]).toEqual(['io.kandle.books.raw.v1', batch.shard]);
          expect(batch.sequence).toBe((sequences.get(batch.shard) ?? 0) + 1);
          sequences.set(batch.shard, batch.sequence);
          for (const { record } of batch.records) {
            expect(batch.shard).toBe(shardOf('sim', String(record['s']), 12));
            sent.set(String(record['s']), record['t']);
          }
        }
        expect(sent).toEqual(newest);
        expect(queue.size()).toBe(0);
      }
    }),
  );
});

test('take() keeps news apart from books, each with numbers of its own', () => {
  const { queue, take } = createQueue();
  for (let round = 1; round <= 2; round++) {
    queue.offer('books', book('A', round), 0);
    queue.offer('news', { id: round, related: 'A,B', headline: 'x' }, 0);
    expect(take().map(({ id }) => id)).toEqual([
      `7:${shardOf('sim', 'A', 12)}:books:${round}`,
      `7:${shardOf('sim', 'A', 12)}:news:${round}`,
    ]);
  }
});

test('offer() gives up the oldest news, when 1,000 wait, and an event takes 40', () => {
  const { queue, take } = createQueue();
  const verdicts = Array.from(
    { length: 1_001 },
    (_, id) => queue.offer('news', { id, related: 'A' }, 0).kind,
  );
  expect(verdicts.filter((verdict) => verdict === 'overflow')).toHaveLength(1);
  const events = take();
  expect(events.map(({ batch }) => batch.records.length)).toEqual(Array.from({ length: 25 }, () => 40));
  expect(events[0]?.batch.records[0]?.id).toBe('1');
});

test.each([
  ['no object', 5, 'bad_frame'],
  ['nested too deeply', { s: 'A', b: JSON.parse('['.repeat(20) + ']'.repeat(20)) as unknown }, 'bad_frame'],
  ['longer than 16 KiB', { s: 'A', x: 'x'.repeat(20_000) }, 'bad_frame'],
  ['without a symbol', { t: 1 }, 'bad_symbol'],
])('offer() refuses a book that is %s', (_, entry, reason) => {
  const { queue } = createQueue();
  expect(queue.offer('books', entry, 0)).toMatchObject({ kind: 'reject', reason });
  expect(queue.size()).toBe(0);
});
