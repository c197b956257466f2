import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import { formatRawBatch, parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import { windowDueMs, windowStartOf } from '@kandle/market/window/window';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createIntake } from '../intake.ts';
import { createOutbox } from '../lane/outbox.ts';
import { recallBatch } from './recall.ts';
import { createShardMap } from '../shard-map.ts';

const START_MS = 1_723_161_255_000;
const CLOCK = { disorderMs: 1_000, graceMs: 2_000, speed: 1 };

function createProcess(epoch: number) {
  const shards = createShardMap({
    feed: 'finnhub',
    format: FINNHUB,
    shardCount: 1,
    maxTrades: 3,
    maxBatchBytes: 65_536,
    graceMs: 2_000,
  });
  const intake = createIntake(shards, {
    clock: CLOCK,
    aheadMs: 5_000,
    horizonMs: 900_000,
    memoryMs: 900_000,
    memoryMinTrades: 0,
    isReplay: false,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  function send(): RawBatch[] {
    const departure = { epoch, monotonicMs: 0, wallMs: START_MS, traceparent: () => 'tp' };
    return (outbox.take(departure, true)?.events ?? []).map(({ extensions, data }) =>
      parseRawBatch(extensions, data),
    );
  }
  return { shards, intake, outbox, send };
}

const entry = (t: number, n = 0) => ({ s: 'AAPL', t, p: n, v: 1, c: null });
const at = (feedMs: number, clockMs = START_MS) => ({
  connection: 1,
  monotonicMs: feedMs,
  feedMs,
  clockMs,
});

test('recallBatch() lets a restart at any point go on: nothing twice, no window left open, no time going back', () => {
  const trades = fc.array(fc.tuple(fc.integer({ min: 0, max: 25 }), fc.nat(2)), {
    minLength: 1,
    maxLength: 25,
  });
  fc.assert(
    fc.property(trades, fc.nat(25), fc.nat(25), fc.nat(25), (steps, cut, lost, back) => {
      const entries = steps.map(([second, price]) => entry(START_MS + second * 1_000, price));
      const first = createProcess(1);
      const log: RawBatch[] = [];
      for (const one of entries.slice(0, cut)) {
        first.intake.offer(one, at(0, one.t));
        log.push(...first.send());
      }
      // The process dies with its last batches unsent.
      log.length = Math.max(0, log.length - (lost % 4));

      const second = createProcess(2);
      const recall = () => {
        for (const batch of log) recallBatch(second.shards, batch, { ...CLOCK, feedMs: 0 });
      };
      recall();
      recall();
      const known = log.flatMap(({ records }) => records).length;
      const watermarkMs = Math.max(0, ...log.map((batch) => batch.watermarkMs));
      expect(second.shards.shardOf('AAPL').clock?.watermarkMs ?? 0).toBe(watermarkMs);
      // The feed delivers again what came last, at least all that was lost.
      for (const one of entries.slice(Math.min(known, cut - (back % (cut + 1))))) {
        second.intake.offer(one, at(0, one.t));
        log.push(...second.send());
      }
      second.intake.advance(100_000, 100_000);
      log.push(...second.send());

      const ids = log.flatMap(({ records }) => records.map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
      const watermarks = log.map((batch) => batch.watermarkMs);
      expect(watermarks).toEqual(watermarks.toSorted((a, b) => a - b));
      for (const [index, { records }] of log.entries()) {
        for (const { record } of records) {
          const dueMs = windowDueMs(windowStartOf(Number(record['t'])), 2_000);
          expect(log.some((batch, later) => later >= index && batch.watermarkMs >= dueMs)).toBe(true);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('recallBatch() closes a waiting window by time alone, after a restart without new trades', () => {
  const first = createProcess(1);
  first.intake.offer(entry(START_MS), at(0));
  const second = createProcess(2);
  for (const batch of first.send()) recallBatch(second.shards, batch, { ...CLOCK, feedMs: 500 });
  second.intake.advance(8_499, 8_499);
  expect(second.send()).toEqual([]);
  second.intake.advance(8_500, 8_500);
  expect(second.send()).toMatchObject([
    { sequence: 1, epoch: 2, watermarkMs: START_MS + 7_000, records: [] },
  ]);
});

test('recallBatch() closes a waiting window at the end of a recording, after a restart without new trades', () => {
  const first = createProcess(1);
  first.intake.offer(entry(START_MS), at(0));
  const second = createProcess(2);
  for (const batch of first.send()) recallBatch(second.shards, batch, { ...CLOCK, feedMs: 0 });
  second.intake.end(0);
  expect(second.send()).toMatchObject([{ watermarkMs: START_MS + 7_000, records: [] }]);
});

test('recallBatch() keeps the watermark of a shard of which only an empty batch is left', () => {
  const { shards, intake, send } = createProcess(2);
  const batch = {
    shard: 'finnhub-00',
    epoch: 1,
    sequence: 9,
    watermarkMs: START_MS + 7_000,
    ingestTimeMs: 5,
    records: [],
  };
  const { extensions, data } = formatRawBatch(batch);
  recallBatch(shards, parseRawBatch(extensions, data), { ...CLOCK, feedMs: 0 });
  intake.advance(60_000, 60_000);
  intake.offer(entry(START_MS + 6_000), at(0));
  expect(send()).toMatchObject([{ watermarkMs: START_MS + 7_000, records: [{}] }]);
});

test('a restart after a long stop believes the wall clock, not the old watermark', () => {
  const dayMs = 86_400_000;
  const first = createProcess(1);
  first.intake.offer(entry(START_MS), at(0));
  const second = createProcess(2);
  const log = first.send();
  for (const batch of log) recallBatch(second.shards, batch, { ...CLOCK, feedMs: 0 });
  const now = { ...at(0), clockMs: START_MS + dayMs };
  expect(second.intake.offer(entry(START_MS), now)[0]?.kind).toBe('duplicate');
  expect(second.intake.offer(entry(START_MS - 60_000), now)[0]?.kind).toBe('accepted');
  expect(second.intake.offer(entry(START_MS + dayMs), now)[0]?.kind).toBe('accepted');
});

test.each([
  ['finnhub-01', 'AAPL', /beyond SHARD_COUNT/],
  ['finnhub-00', 'AAPL', /was SHARD_COUNT changed/],
])('recallBatch() refuses a log of another number of shards (%s)', (shard, symbol, message) => {
  const options = { feed: 'finnhub', format: FINNHUB, maxTrades: 3, maxBatchBytes: 65_536, graceMs: 2_000 };
  const shards = createShardMap({ ...options, shardCount: shard === 'finnhub-01' ? 1 : 100 });
  const records = [{ id: 'x', record: { s: symbol, t: START_MS, v: 1 } }];
  const batch = { shard, epoch: 1, sequence: 1, watermarkMs: START_MS, ingestTimeMs: 5, records };
  expect(() => recallBatch(shards, batch, { ...CLOCK, feedMs: 0 })).toThrow(message);
});

test('recallBatch() takes no time from what it cannot know was believed, nor from a redriven batch', () => {
  const { shards } = createProcess(2);
  const hourMs = 3_600_000;
  const header = { shard: 'finnhub-00', epoch: 1, sequence: 1, ingestTimeMs: START_MS };
  const records = [{ id: 'x', record: entry(START_MS + hourMs), delayMs: 1_200_000 }];
  recallBatch(shards, { ...header, watermarkMs: START_MS, records }, { ...CLOCK, feedMs: 0 });
  const redriven = {
    ...header,
    epoch: 2,
    ingestTimeMs: START_MS + hourMs,
    watermarkMs: 0,
    watermarkBeforeMs: 0,
  };
  recallBatch(shards, { ...redriven, records }, { ...CLOCK, feedMs: 0 });
  expect(shards.shardOf('AAPL')).toMatchObject({
    clock: { watermarkMs: START_MS, maxEventTimeMs: START_MS + 1_000 },
    sentWatermarkMs: START_MS,
    lastIngestMs: START_MS,
    delaysMs: new Map([['AAPL', 1_200_000]]),
  });
});
