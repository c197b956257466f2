import {
  advanceClock,
  endClock,
  type FeedClockOptions,
  isTooFarAhead,
  observeTrade,
} from '@kandle/market/feed/feed-clock';
import { isEventTime } from '@kandle/market/event/event-time';
import type { RejectReason } from '@kandle/market/event/rejects';
import { isSymbol } from '@kandle/market/event/symbol';
import { readFeedRecord } from '@kandle/market/feed/feed-record';
import type { IngestShard } from './ingest-shard.ts';
import type { ShardMap } from './shard-map.ts';

/** The bounds by which records are judged. Durations in milliseconds. */
export interface IntakeOptions {
  /** `speed` 1 lets feed time move the watermark, Infinity only events. */
  readonly clock: FeedClockOptions;
  /** How far ahead of the feed's time an event time is believed. */
  readonly aheadMs: number;
  /** How long, in event time, trades are remembered. */
  readonly memoryMs: number;
  /** Number of trades below which none is forgotten. */
  readonly memoryMinTrades: number;
  readonly isReplay: boolean;
}

/** When a record came, on which connection. `feedMs` is the feed's own time, `wallMs` the wall clock's. */
export interface Arrival {
  readonly connection: number;
  readonly monotonicMs: number;
  readonly feedMs: number;
  readonly wallMs: number;
}

/** What became of a record; `bytes` is what it takes in a batch. A reject's `record` is what JSON can carry of it. */
export type Verdict =
  | { readonly kind: 'accepted'; readonly bytes: number }
  | { readonly kind: 'duplicate' }
  | {
      readonly kind: 'reject';
      readonly reason: RejectReason;
      readonly detail: string;
      readonly record: unknown;
    };

/** Takes a feed's records in, in the order in which they come. Reads no clock. */
export interface Intake {
  /** Judges a record's symbol and time, gives it its id and buffers it. Price and size are transform's to judge. */
  offer(entry: unknown, arrival: Arrival): Verdict;
  /** Time goes on: watermarks move as far as the line was alive, and a quiet shard's due windows get a batch. */
  advance(aliveFeedMs: number, monotonicMs: number): void;
  /** The feed has ended: every window that waits gets its closing batch. */
  end(monotonicMs: number): void;
}

const DUPLICATE: Verdict = { kind: 'duplicate' };
/** What a record costs in a batch beside itself and its id. */
const WRAPPING_BYTES = '{"id":"","record":},'.length;
const FORGET_EVERY_MS = 60_000;

/** Builds the intake of a feed over its shards. */
export function createIntake(shards: ShardMap, options: IntakeOptions): Intake {
  const { clock: clockOptions, aheadMs, memoryMs, memoryMinTrades, isReplay } = options;
  const forgotAtMs = new Map<string, number>();

  function isBeyondBelief(shard: IngestShard, eventTimeMs: number, { feedMs, wallMs }: Arrival): boolean {
    if (shard.isLive && shard.clock !== null) {
      const passedMs = Math.max(0, feedMs - shard.clock.reachedAtMs);
      return isTooFarAhead(shard.clock, eventTimeMs, {
        disorderMs: clockOptions.disorderMs,
        aheadMs,
        passedMs,
      });
    }
    // The first trade that this process sees of a shard: what was read back may be of long ago.
    return !isReplay && eventTimeMs > wallMs + aheadMs;
  }

  function forget(shard: IngestShard, watermarkMs: number): void {
    if (watermarkMs < (forgotAtMs.get(shard.name) ?? 0) + FORGET_EVERY_MS) return;
    forgotAtMs.set(shard.name, watermarkMs);
    if (shards.memorySize() > memoryMinTrades) shard.memory.forgetBefore(watermarkMs - memoryMs);
  }

  return {
    offer(entry, arrival) {
      const read = readFeedRecord(entry);
      if (read.kind === 'bad') return reject('bad_frame', read.detail, read.text);
      const { record } = read;
      const { s: symbol, t: eventTimeMs, p: price, v: size, c: conditions } = record;
      if (!isSymbol(symbol)) return reject('bad_symbol', 's is not a symbol', record);
      if (!isEventTime(eventTimeMs)) {
        return reject('bad_time', 't is not in milliseconds between 2000 and 2100', record);
      }
      const shard = shards.shardOf(symbol);
      if (isBeyondBelief(shard, eventTimeMs, arrival)) {
        return reject('too_far_ahead', `t is more than ${aheadMs} ms ahead of ${shard.name}`, record);
      }
      const id = shard.memory.identify({ symbol, eventTimeMs, price, size, conditions }, arrival.connection);
      if (id === null) return DUPLICATE;

      const before = shard.clock;
      const clock = observeTrade(before, eventTimeMs, arrival.feedMs, clockOptions);
      // A volume of 0 is a price update: it tells the time, but no window waits for it.
      const isTrade = size !== 0;
      shard.clock = isTrade ? clock : { ...clock, lastDueMs: before?.lastDueMs ?? 0 };
      if (before === null || eventTimeMs > before.maxEventTimeMs) shard.isLive = true;
      const { watermarkMs } = clock;
      const bytes = read.bytes + id.length + WRAPPING_BYTES;
      shard.buffer.append(
        { id, record },
        { bytes, isTrade, eventTimeMs, monotonicMs: arrival.monotonicMs, watermarkMs },
      );
      forget(shard, watermarkMs);
      return { kind: 'accepted', bytes };
    },
    advance(aliveFeedMs, monotonicMs) {
      for (const shard of shards.all()) {
        if (shard.clock === null) continue;
        shard.clock = advanceClock(shard.clock, aliveFeedMs, clockOptions);
        // With records in the open batch, the next batch carries the watermark anyway.
        if (shard.buffer.openedAtMs() === undefined)
          shard.buffer.closeDue(shard.clock.watermarkMs, monotonicMs);
      }
    },
    end(monotonicMs) {
      for (const shard of shards.all()) {
        if (shard.clock === null) continue;
        shard.clock = endClock(shard.clock);
        shard.buffer.closeDue(shard.clock.watermarkMs, monotonicMs);
      }
    },
  };
}

function reject(reason: RejectReason, detail: string, record: unknown): Verdict {
  return { kind: 'reject', reason, detail, record };
}
