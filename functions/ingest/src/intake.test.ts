import { FINNHUB } from '@kandle/market/feed/finnhub/format';
import { shardOf } from '@kandle/market/event/shard';
import { windowDueMs, windowStartOf } from '@kandle/market/window/window';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { createIntake } from './intake.ts';
import { createOutbox } from './lane/outbox.ts';
import { createShardMap } from './shard-map.ts';

const START_MS = 1_723_161_255_000;
/** As in production: bounds of the test's own once hid what production's did. */
const { DISORDER_MS, GRACE_MS, AHEAD_MS, HORIZON_MS, MEMORY_MS } = readConfig({
  FINNHUB_TOKEN: 'key',
  SYMBOLS: 'A',
});
const BOUNDS = { maxTrades: 3, maxBatchBytes: 700, graceMs: GRACE_MS };
const SYMBOLS = ['AAPL', 'MSFT', 'BINANCE:BTCUSDT'];

interface Sent {
  readonly shard: string;
  readonly sequence: number;
  readonly watermarkMs: number;
  readonly watermarkBeforeMs?: number | undefined;
  readonly records: RawBatch['records'];
}

function createPipeline({ speed = 1, isReplay = false } = {}) {
  const shards = createShardMap({ feed: 'finnhub', format: FINNHUB, shardCount: 2, ...BOUNDS });
  const intake = createIntake(shards, {
    clock: { disorderMs: DISORDER_MS, graceMs: GRACE_MS, speed },
    aheadMs: AHEAD_MS,
    horizonMs: HORIZON_MS,
    memoryMs: MEMORY_MS,
    memoryMinTrades: 0,
    isReplay,
  });
  const outbox = createOutbox(shards, { lingerMs: 50, spacingMs: 1 });
  const sent: Sent[] = [];
  const gaps: unknown[] = [];
  function send(monotonicMs: number, everything: boolean): void {
    const departure = { epoch: 7, monotonicMs, wallMs: START_MS, traceparent: () => 'tp' };
    for (
      let group = outbox.take(departure, everything);
      group !== null;
      group = outbox.take(departure, everything)
    ) {
      for (const event of group.events) {
        if (event.type.includes('gap')) gaps.push(event.data);
        else sent.push(parseRawBatch(event.extensions, JSON.parse(JSON.stringify(event.data))));
      }
    }
  }
  return { shards, intake, outbox, sent, gaps, send };
}

function at(monotonicMs: number, connection = 1) {
  return { connection, monotonicMs, feedMs: monotonicMs, clockMs: START_MS + monotonicMs };
}

type Step =
  | { readonly kind: 'record'; readonly symbol: string; readonly offsetMs: number; readonly size: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'send'; readonly everything: boolean }
  | { readonly kind: 'drop' };

const record = fc.record({
  kind: fc.constant('record' as const),
  symbol: fc.constantFrom(...SYMBOLS),
  // Late, in order and a little ahead, few enough for twins.
  offsetMs: fc
    .oneof(fc.integer({ min: -3, max: 5 }), fc.constantFrom(-20, -9, 3, 3))
    .map((step) => step * 900),
  size: fc.constantFrom(1, 1, 1, 0),
});
const others = [
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4_000 }) }),
  fc.record({ kind: fc.constant('send' as const), everything: fc.boolean() }),
];
const schedule = (withDrops: boolean): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 6, arbitrary: record },
      ...others,
      ...(withDrops ? [fc.constant({ kind: 'drop' as const })] : []),
    ),
    { maxLength: 60 },
  );

/** Plays a schedule to its end; a second of feed time is a second of event time. */
function play(steps: readonly Step[], speed: number) {
  const pipeline = createPipeline({ speed, isReplay: speed === Number.POSITIVE_INFINITY });
  const accepted = new Map<string, string[]>();
  let monotonicMs = 0;
  let dropped = 0;
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'pass') {
      monotonicMs += step.ms;
      pipeline.intake.advance(monotonicMs, monotonicMs);
    } else if (step.kind === 'send') pipeline.send(monotonicMs, step.everything);
    else if (step.kind === 'drop') dropped += pipeline.outbox.dropOldest()?.records.length ?? 0;
    else {
      const entry = {
        s: step.symbol,
        t: START_MS + monotonicMs + step.offsetMs,
        p: 1,
        v: step.size,
        c: [String(index)],
      };
      expect(pipeline.intake.offer(entry, at(monotonicMs))[0]?.kind).toBe('accepted');
      const { name: shard } = pipeline.shards.shardOf(step.symbol);
      accepted.set(shard, [...(accepted.get(shard) ?? []), String(index)]);
    }
  }
  pipeline.intake.end(monotonicMs);
  pipeline.send(monotonicMs, true);
  return { ...pipeline, accepted, dropped };
}

function namesOf(batches: readonly Sent[]): string[] {
  return batches.flatMap((batch) => batch.records.map(({ record }) => String(Object(record)['c'])));
}

function checkShard(batches: readonly Sent[]): void {
  expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, index) => index + 1));
  const watermarks = batches.map(({ watermarkMs }) => watermarkMs);
  expect(watermarks).toEqual(watermarks.toSorted((a, b) => a - b));
  const lastOf = new Map<number, number>();
  for (const [index, { records }] of batches.entries()) {
    expect(records.length).toBeLessThanOrEqual(BOUNDS.maxTrades);
    const bytes = JSON.stringify(records).length;
    expect(records.length <= 1 || bytes <= BOUNDS.maxBatchBytes + 10).toBe(true);
    for (const { record } of records)
      if (record['v'] !== 0) lastOf.set(windowStartOf(Number(record['t'])), index);
  }
  for (const [windowStartMs, index] of lastOf) {
    const closing = batches.findIndex(
      (batch, at) => at >= index && batch.watermarkMs >= windowDueMs(windowStartMs, GRACE_MS),
    );
    expect(closing, `window ${windowStartMs} stays open`).toBeGreaterThanOrEqual(0);
  }
}

describe('the way from intake to outbox', () => {
  test.each([1, Number.POSITIVE_INFINITY])('keeps its laws for any schedule, at speed %d', (speed) => {
    fc.assert(
      fc.property(schedule(false), (steps) => {
        const { sent, accepted, gaps } = play(steps, speed);
        expect(gaps).toEqual([]);
        for (const shard of ['finnhub-00', 'finnhub-01']) {
          const batches = sent.filter((batch) => batch.shard === shard);
          checkShard(batches);
          expect(namesOf(batches)).toEqual(accepted.get(shard) ?? []);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('names the watermark of the naive model in every batch, when only events move it', () => {
    fc.assert(
      fc.property(schedule(false), (steps) => {
        const { sent } = play(steps, Number.POSITIVE_INFINITY);
        for (const shard of ['finnhub-00', 'finnhub-01']) {
          const batches = sent.filter((batch) => batch.shard === shard);
          let newestMs = 0;
          let dueMs = 0;
          for (const { records, watermarkMs } of batches) {
            for (const { record } of records) {
              newestMs = Math.max(newestMs, Number(record['t']));
              dueMs = Math.max(dueMs, windowDueMs(windowStartOf(Number(record['t'])), GRACE_MS));
            }
            // The end of the feed moves it to where the last window is due.
            expect([newestMs - DISORDER_MS, Math.max(newestMs - DISORDER_MS, dueMs)]).toContain(watermarkMs);
          }
        }
      }),
    );
  });

  test('accounts for every record and still closes every window it sent, when the oldest are dropped', () => {
    fc.assert(
      fc.property(schedule(true), (steps) => {
        const { sent, accepted, gaps, dropped } = play(steps, 1);
        const all = [...accepted.values()].flat();
        expect(namesOf(sent).length + dropped).toBe(all.length);
        expect(gaps.reduce<number>((sum, gap) => sum + Number(Object(gap)['droppedRecords']), 0)).toBe(
          dropped,
        );
        for (const shard of ['finnhub-00', 'finnhub-01']) {
          const batches = sent.filter((batch) => batch.shard === shard);
          checkShard(batches);
          const names = new Set(namesOf(batches));
          expect(namesOf(batches)).toEqual((accepted.get(shard) ?? []).filter((name) => names.has(name)));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('closes the window of a quiet shard by time, and then is silent', () => {
    const { intake, outbox, sent, send } = createPipeline();
    intake.offer({ s: 'AAPL', t: START_MS, p: 1, v: 1, c: null }, at(0));
    send(100, false);
    for (let monotonicMs = 200; monotonicMs <= 60_000; monotonicMs += 100) {
      intake.advance(monotonicMs, monotonicMs);
      send(monotonicMs, false);
    }
    expect(
      sent.map(({ sequence, watermarkMs, records }) => [sequence, watermarkMs - START_MS, records.length]),
    ).toEqual([
      [1, -1_000, 1],
      [2, 7_000, 0],
    ]);
    expect(outbox.readyAtMs()).toBeUndefined();
  });

  test('does not let time move a watermark beyond the last proof of life', () => {
    const { intake, shards } = createPipeline();
    intake.offer({ s: 'AAPL', t: START_MS, p: 1, v: 1, c: null }, at(0));
    intake.advance(1_500, 60_000);
    expect(shards.shardOf('AAPL').clock?.watermarkMs).toBe(START_MS + 500);
  });
});

describe('offer()', () => {
  const trade = { s: 'AAPL', t: START_MS, p: 1.5, v: 2, c: null };

  test('passes on what it cannot judge, names and values as they came', () => {
    const { intake, sent, send } = createPipeline();
    const odd = { ...trade, p: -1, v: 'much', extra: [1] };
    expect(intake.offer(odd, at(0))[0]?.kind).toBe('accepted');
    expect(intake.offer({ ...trade, p: Number.POSITIVE_INFINITY }, at(0))[0]?.kind).toBe('accepted');
    send(0, true);
    expect(sent.flatMap(({ records }) => records.map(({ record }) => record))).toEqual([
      odd,
      { ...trade, p: 'Infinity' },
    ]);
  });

  test.each([
    ['bad_frame', 'text'],
    ['bad_frame', JSON.parse('{"s":"AAPL","__proto__":1}')],
    ['bad_frame', { ...trade, c: 'x'.repeat(20_000) }],
    ['bad_frame', { ...trade, c: [[[[[[[[[1]]]]]]]]] }],
    ['bad_symbol', { ...trade, s: 'no symbol\n' }],
    ['bad_symbol', { ...trade, s: 5 }],
    ['bad_time', { ...trade, t: '1723161255000' }],
    ['bad_time', { ...trade, t: 1_723_161_255 }],
    ['bad_time', { ...trade, t: Number.POSITIVE_INFINITY }],
  ])('rejects with %s', (reason, entry) => {
    const { intake, outbox } = createPipeline();
    expect(intake.offer(entry, at(0))).toMatchObject([{ kind: 'reject', reject: { reason } }]);
    expect(outbox.readyAtMs()).toBeUndefined();
  });

  test('lets a time far ahead wait, and refuses it after a minute with what it needs to be redriven', () => {
    const { intake, shards, sent, send } = createPipeline();
    intake.offer(trade, at(0));
    const ahead = { ...trade, t: START_MS + 14 * 60_000 };
    expect(intake.offer(ahead, at(0))).toEqual([]);
    expect(intake.waiting()).toBe(1);
    expect(shards.shardOf('AAPL').clock?.watermarkMs).toBe(START_MS - DISORDER_MS);
    for (const ms of [1_000, 60_900]) {
      intake.offer({ ...trade, t: START_MS + ms }, at(ms));
      expect(intake.advance(ms, ms)).toEqual([]);
    }
    intake.offer({ ...trade, t: START_MS + 61_000 }, at(61_000));
    expect(intake.advance(61_000, 61_000)).toEqual([
      {
        kind: 'reject',
        reject: {
          reason: 'too_far_ahead',
          detail: expect.stringContaining('5000 ms ahead of finnhub-'),
          shard: shards.shardOf('AAPL').name,
          tradeId: expect.stringMatching(/^[0-9a-z]+\.[0-9a-z]{14}\.1$/),
          format: 'finnhub',
          record: ahead,
        },
      },
    ]);
    // Refused and remembered: a redrive counts it, and what the feed delivers again does not.
    expect(intake.offer(ahead, at(14 * 60_000, 2))).toEqual([{ kind: 'duplicate', symbol: ahead.s }]);
    send(0, true);
    expect(sent.flatMap(({ records }) => records)).toHaveLength(4);
  });

  test('refuses what waits when ingest ends', () => {
    const { intake } = createPipeline();
    intake.offer({ ...trade, t: START_MS + 14 * 60_000 }, at(0));
    expect(intake.stop()).toMatchObject([{ kind: 'reject', reject: { reason: 'too_far_ahead' } }]);
  });

  test('writes what was known before each batch, and by how much a delayed symbol is behind', () => {
    const { intake, sent, send } = createPipeline();
    const pair = ['AAPL', 'MSFT'];
    for (let second = 0; second < 6; second++) {
      for (const s of pair) {
        const t = START_MS + second * 1_000 - (s === 'MSFT' ? 1_200_000 : 0);
        intake.offer({ ...trade, s, t }, at(second * 1_000));
      }
      send(second * 1_000, true);
    }
    for (const batches of Map.groupBy(sent, ({ shard }) => shard).values()) {
      const watermarks = batches.map(({ watermarkMs }) => watermarkMs);
      expect(batches.map((batch) => batch.watermarkBeforeMs)).toEqual([0, ...watermarks.slice(0, -1)]);
    }
    const isShared = pair.map((s) => shardOf('finnhub', s, 2))[0] === shardOf('finnhub', 'MSFT', 2);
    const delays = sent.flatMap(({ records }) => records.map(({ delayMs }) => delayMs ?? 0));
    expect(delays).toHaveLength(12);
    expect(delays.filter((delayMs) => delayMs > 1_190_000)).toHaveLength(isShared ? 6 : 0);
  });

  test('accepts the first trade after a quiet night', () => {
    const { intake } = createPipeline();
    const nightMs = 16 * 3_600_000;
    intake.offer(trade, at(0));
    intake.advance(nightMs, nightMs);
    expect(intake.offer({ ...trade, t: START_MS + nightMs }, at(nightMs))[0]?.kind).toBe('accepted');
  });

  test('believes the first trade of a shard in a replay without a clock, whatever its time', () => {
    const { intake } = createPipeline({ isReplay: true });
    const arrival = { ...at(0), clockMs: null };
    expect(intake.offer({ ...trade, t: START_MS + 10 * AHEAD_MS }, arrival)[0]?.kind).toBe('accepted');
  });

  test('keeps twins and drops what a new connection repeats', () => {
    const { intake } = createPipeline();
    const kinds = (connection: number, count: number) =>
      Array.from({ length: count }, () => intake.offer(trade, at(0, connection))[0]?.kind);
    expect(kinds(1, 2)).toEqual(['accepted', 'accepted']);
    expect(kinds(2, 3)).toEqual(['duplicate', 'duplicate', 'accepted']);
  });

  test('closes the window of a price update of volume 0, which makes a candle of prices', () => {
    const { intake, outbox, sent, send } = createPipeline();
    intake.offer({ ...trade, v: 0 }, at(0));
    send(100, false);
    intake.advance(60_000, 60_000);
    intake.end(60_000);
    send(60_000, false);
    expect(sent).toMatchObject([
      { records: [{ record: { v: 0 } }], watermarkMs: START_MS - DISORDER_MS },
      { records: [], watermarkMs: windowDueMs(windowStartOf(START_MS), GRACE_MS) },
    ]);
    expect(outbox.readyAtMs()).toBeUndefined();
  });

  test('forgets trades older than the memory, by event time', () => {
    const { intake, shards, send } = createPipeline();
    for (let minute = 0; minute < 60; minute++) {
      const feedMs = minute * 60_000;
      expect(intake.offer({ ...trade, t: START_MS + feedMs }, at(feedMs))[0]?.kind).toBe('accepted');
      send(feedMs, true);
    }
    expect(shards.memorySize()).toBeGreaterThanOrEqual(15);
    expect(shards.memorySize()).toBeLessThanOrEqual(18);
  });
});
