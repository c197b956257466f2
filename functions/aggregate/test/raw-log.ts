import type { FeedGap } from '@kandle/market/feed/feed-gap';
import type { RawBatch, RawRecord } from '@kandle/market/feed/raw-batch';
import { WINDOW_MS } from '@kandle/market/window/window';
import type { Random } from '@kandle/tooling/random';

/** The times of the schedules: as in production, but with a short horizon, so that late and too late both happen. */
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

/** One shard's raw events as a correct ingest writes them: every trade once, over restarts, gaps and quiet times. */
export function createRawLog(random: Random, shard: string): readonly RawEvent[] {
  const raw: RawEvent[] = [];
  const seconds = 8 + random.below(30);
  const restarts = [0.35, 0.2].map((rate) => (random.chance(rate) ? 3 + random.below(seconds) : -1));
  const quietFrom = random.chance(0.4) ? random.below(seconds) : -1;
  const quietTo = quietFrom + 3 + random.below(12);
  const gapRate = random.pick([0, 0.03, 0.1]);
  const waiting = new Set<number>();
  let epoch = 1;
  let sequence = 0;
  let newestMs = Number.NEGATIVE_INFINITY;
  let watermarkMs = 0;
  let lastId = 0;

  function send(records: readonly RawRecord[], watermark: number): void {
    watermarkMs = Math.max(watermarkMs, watermark);
    sequence += 1;
    raw.push({ kind: 'batch', batch: { shard, epoch, sequence, watermarkMs, ingestTimeMs: 0, records } });
    for (const startMs of waiting) if (startMs + WINDOW_MS + GRACE_MS <= watermarkMs) waiting.delete(startMs);
  }

  function gap(fromMs: number, toMs: number, reason: FeedGap['reason']): void {
    raw.push({ kind: 'gap', gap: { shard, fromMs, toMs, reason, droppedRecords: 0 } });
  }

  for (let second = 0; second < seconds + 20; second++) {
    const nowMs = BEGIN_MS + second * SECOND_MS;
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
      const eventTimeMs = eventTime(random, nowMs);
      // A size that tells which trades a sum holds: powers of two would be exact, small primes are readable.
      const record = {
        s: random.pick(['A', 'B']),
        p: 1 + random.below(9),
        v: 1 + random.below(5),
        t: eventTimeMs,
      };
      records.push({ id: `t${lastId}`, record });
      newestMs = Math.max(newestMs, eventTimeMs);
      waiting.add(Math.floor(eventTimeMs / WINDOW_MS) * WINDOW_MS);
    }
    if (records.length > 0) send(records, newestMs - DISORDER_MS);
    else if (waiting.size > 0) send([], nowMs - DISORDER_MS);
  }
  return raw;
}

function eventTime(random: Random, nowMs: number): number {
  if (random.chance(0.08)) return Math.max(BEGIN_MS, nowMs - (3 + random.below(40)) * SECOND_MS);
  return nowMs - (random.chance(0.2) ? random.below(DISORDER_MS) : 0);
}

/** Short or long, told at once or late; whole seconds, so that its ends often are those of windows. */
function gapSpan(random: Random, nowMs: number): readonly [fromMs: number, toMs: number] {
  const toMs = nowMs - random.pick([0, 0, 0, random.below(30)]) * SECOND_MS;
  const lengthMs = random.pick([0, 1, random.below(12), random.below(12), 1_800]) * SECOND_MS;
  return [toMs - lengthMs, toMs];
}
