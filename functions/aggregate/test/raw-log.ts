import type { FeedGap } from '@kandle/market/feed/feed-gap';
import type { RawBatch, RawRecord } from '@kandle/market/feed/raw-batch';
import { WINDOW_MS, windowStartOf } from '@kandle/market/window/window';
import type { Random } from '@kandle/tooling/random';

/**
 * The times of the schedules: as in production, but with a short horizon, so that late and too late both
 * happen.
 */
export const GRACE_MS = 2_000;
export const HORIZON_MS = 25_000;
const DISORDER_MS = 1_000;
const SECOND_MS = 1_000;
/** Where the schedules' time begins. */
const BEGIN_MS = 1_700_000_000_000;

/** What ingest writes for one shard: a batch, or a gap of its feed. */
export type RawEvent =
  | { readonly kind: 'batch'; readonly batch: RawBatch }
  | { readonly kind: 'gap'; readonly gap: FeedGap };

/**
 * How far the time of a shard jumps at once: a machine that slept, a night in a recording, a confirmed wrong
 * start.
 */
const JUMPS_MS = [10_000, 40_000, 1_200_000, 28_800_000] as const;
/** How far a single record may be off: ahead, as far as ingest believes it at once, or behind, up to hours. */
const OFF_MS = [5_000, 2_000, -20_000, -40_000, -120_000, -7_200_000] as const;
/** Odd lots, trades out of sequence, official closes, several of these, and price updates without a trade. */
const KINDS: readonly [RawRecord['record'], ...RawRecord['record'][]] = [
  { c: ['1', '12'] },
  { c: ['30'] },
  { c: ['16'] },
  { c: ['30', '12'] },
  { v: 0 },
  { v: 0, c: null },
];
/** How far a delayed symbol is behind: within the horizon of the schedules, and beyond it. */
const DELAYS_MS = [20_000, 60_000, 1_200_000] as const;

/**
 * One shard's raw events as a correct ingest writes them: every trade once, over restarts, gaps, quiet times
 * and jumps of time, conditions and price updates, records ahead and behind, a delayed symbol, old records that
 * come again after minutes, redriven batches, and at the beginning batches as they were written before they
 * told what was known.
 */
export function createRawLog(random: Random, shard: string): readonly RawEvent[] {
  const raw: RawEvent[] = [];
  const seconds = 8 + random.below(30);
  const restarts = [0.35, 0.2].map((rate) => (random.chance(rate) ? 3 + random.below(seconds) : -1));
  const quietFrom = random.chance(0.4) ? random.below(seconds) : -1;
  const quietTo = quietFrom + 3 + random.below(12);
  const gapRate = random.pick([0, 0.03, 0.1]);
  const jumpRate = random.pick([0, 0, 0.05]);
  const delayMs = random.chance(0.3) ? random.pick(DELAYS_MS) : 0;
  const rules = random.pick([undefined, 'all', 'us-tape', 'us-tape'] as const);
  const conditionRate = random.pick([0, 0.2, 0.6]);
  const oldFormatUntil = random.chance(0.2) ? random.below(seconds) : -1;
  let refused: RawRecord[] = [];
  const old: RawRecord[] = [];
  let isOldFormat = false;
  let redrives = 0;
  let jumpedMs = 0;
  const waiting = new Set<number>();
  let epoch = 1;
  let sequence = 0;
  let newestMs = Number.NEGATIVE_INFINITY;
  let watermarkMs = 0;
  let lastId = 0;

  function send(records: readonly RawRecord[], watermark: number): void {
    const watermarkBeforeMs = watermarkMs;
    watermarkMs = Math.max(watermarkMs, watermark);
    sequence += 1;
    const batch = { shard, epoch, sequence, watermarkMs, ingestTimeMs: 0, records };
    raw.push({ kind: 'batch', batch: isOldFormat ? batch : { ...batch, rules, watermarkBeforeMs } });
    for (const startMs of waiting) if (startMs + WINDOW_MS + GRACE_MS <= watermarkMs) waiting.delete(startMs);
  }

  /** In an epoch of its own, and without a word about time. */
  function redrive(): void {
    redrives += 1;
    const header = { shard, epoch: 1_000 + redrives, sequence: 1, watermarkMs: 0, watermarkBeforeMs: 0 };
    raw.push({ kind: 'batch', batch: { ...header, rules, ingestTimeMs: 0, records: refused } });
    for (const { record } of refused) waiting.add(windowStartOf(Number(record['t'])));
    refused = [];
  }

  function gap(fromMs: number, toMs: number, reason: FeedGap['reason']): void {
    raw.push({ kind: 'gap', gap: { shard, fromMs, toMs, reason, droppedRecords: 0 } });
  }

  for (let second = 0; second < seconds + 20; second++) {
    if (random.chance(jumpRate)) jumpedMs += random.pick(JUMPS_MS);
    const nowMs = BEGIN_MS + second * SECOND_MS + jumpedMs;
    isOldFormat = second < oldFormatUntil;
    if (restarts.includes(second)) {
      epoch += 1;
      sequence = 0;
      if (newestMs > 0) gap(newestMs, Math.max(newestMs, nowMs), 'restarted');
    }
    if (random.chance(gapRate)) gap(...gapSpan(random, nowMs), 'disconnected');
    const isQuiet = second >= seconds || (second >= quietFrom && second < quietTo);
    const records: RawRecord[] = [];
    for (let n = isQuiet ? 0 : random.below(4); n > 0; n--) {
      lastId += 1;
      const symbol = random.pick(['A', 'B']);
      const isDelayed = symbol === 'B' && delayMs > 0;
      const eventTimeMs = eventTime(random, isDelayed ? nowMs - delayMs : nowMs);
      // A size that tells which trades a sum holds: powers of two would be exact, small primes are readable.
      const record = {
        s: symbol,
        p: 1 + random.below(9),
        v: 1 + random.below(5),
        t: eventTimeMs,
        ...(random.chance(conditionRate) ? random.pick(KINDS) : {}),
      };
      const known = isDelayed ? { id: `t${lastId}`, record, delayMs } : { id: `t${lastId}`, record };
      if (random.chance(0.02)) {
        // Refused as too far ahead at first: it comes in a batch of its own, when somebody has looked at it.
        refused.push({ id: known.id, record: { ...record, t: eventTimeMs + random.pick(JUMPS_MS) } });
        continue;
      }
      records.push(known);
      old.push(known);
      newestMs = Math.max(newestMs, eventTimeMs);
      waiting.add(windowStartOf(eventTimeMs));
    }
    // What ingest no longer remembers comes again: it is too late by then, whatever it was before.
    const forgotten = old.find(
      ({ record, delayMs: behindMs = 0 }) => Number(record['t']) < watermarkMs - behindMs - HORIZON_MS,
    );
    if (forgotten !== undefined && random.chance(0.1)) records.push(forgotten);
    if (records.length > 0) send(records, newestMs - DISORDER_MS);
    else if (waiting.size > 0) send([], nowMs - DISORDER_MS);
    if (refused.length > 0 && random.chance(0.2)) redrive();
  }
  if (refused.length > 0) redrive();
  if (waiting.size > 0) send([], Math.max(...waiting) + WINDOW_MS + GRACE_MS);
  return raw;
}

function eventTime(random: Random, nowMs: number): number {
  if (random.chance(0.08)) return Math.max(BEGIN_MS, nowMs - (3 + random.below(40)) * SECOND_MS);
  if (random.chance(0.03)) return nowMs + random.pick(OFF_MS);
  return nowMs - (random.chance(0.2) ? random.below(DISORDER_MS) : 0);
}

/** Short or long, told at once or late; whole seconds, so that its ends often are those of windows. */
function gapSpan(random: Random, nowMs: number): readonly [fromMs: number, toMs: number] {
  const toMs = nowMs - random.pick([0, 0, 0, random.below(30)]) * SECOND_MS;
  const lengthMs = random.pick([0, 1, random.below(12), random.below(12), 1_800]) * SECOND_MS;
  return [toMs - lengthMs, toMs];
}
