import type { RawBatch, RawRecord } from '@kandle/market/raw-batch';
import { WINDOW_MS } from '@kandle/market/window';
import type { Random } from './random.ts';

/** The times of the schedules: as in production, but with a short horizon, so that late and too late both happen. */
export const GRACE_MS = 2_000;
export const HORIZON_MS = 25_000;
const DISORDER_MS = 1_000;
const SECOND_MS = 1_000;
/** Where the schedules' time begins. */
const BEGIN_MS = 1_700_000_000_000;

/** One shard's raw batches as a correct ingest writes them: every trade once, over restarts and quiet times. */
export function createRawLog(random: Random): readonly RawBatch[] {
  const raw: RawBatch[] = [];
  const seconds = 8 + random.below(30);
  const restartAt = random.chance(0.35) ? 3 + random.below(seconds) : -1;
  const quietFrom = random.chance(0.4) ? random.below(seconds) : -1;
  const quietTo = quietFrom + 3 + random.below(12);
  const waiting = new Set<number>();
  let epoch = 1;
  let sequence = 0;
  let newestMs = Number.NEGATIVE_INFINITY;
  let watermarkMs = 0;
  let lastId = 0;

  function send(records: readonly RawRecord[], watermark: number): void {
    watermarkMs = Math.max(watermarkMs, watermark);
    sequence += 1;
    raw.push({ shard: 'test-00', epoch, sequence, watermarkMs, ingestTimeMs: 0, records });
    for (const startMs of waiting) if (startMs + WINDOW_MS + GRACE_MS <= watermarkMs) waiting.delete(startMs);
  }

  for (let second = 0; second < seconds + 20; second++) {
    const nowMs = BEGIN_MS + second * SECOND_MS;
    if (second === restartAt) {
      epoch += 1;
      sequence = 0;
    }
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
