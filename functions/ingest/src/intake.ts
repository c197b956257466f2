import { advanceClock, endClock } from '@kandle/market/feed/feed-clock';
import { isEventTime } from '@kandle/market/event/event-time';
import type { Reject } from '@kandle/market/event/rejects';
import { readSymbol } from '@kandle/market/event/symbol';
import { readFeedRecord } from '@kandle/market/feed/feed-record';
import type { SeenTrade, VendorRecord } from '@kandle/market/feed/record-format';
import {
  type Arrived,
  createFeedWideTime,
  createShardTime,
  type ShardTime,
  type ShardTimeOptions,
  type TimeVerdict,
} from '@kandle/market/feed/shard-time';
import type { IngestShard } from './ingest-shard.ts';
import type { ShardMap } from './shard-map.ts';

/** The bounds by which records are judged. Durations in milliseconds. */
export interface IntakeOptions extends ShardTimeOptions {
  /** How long, in event time, trades are remembered. */
  readonly memoryMs: number;
  /** Number of trades below which none is forgotten. */
  readonly memoryMinTrades: number;
}

/** When a record came, on which connection. */
export interface Arrival {
  readonly connection: number;
  readonly monotonicMs: number;
  /** The feed's own time. */
  readonly feedMs: number;
  /** The wall clock, or the recording's; null if there is none. */
  readonly clockMs: number | null;
}

/**
 * What became of a record; `bytes` is what it takes in a batch. A reject's `record` is what JSON can carry of
 * it.
 */
export type Verdict =
  | { readonly kind: 'accepted'; readonly symbol: string; readonly isTrade: boolean; readonly bytes: number }
  | { readonly kind: 'duplicate'; readonly symbol: string }
  | { readonly kind: 'reject'; readonly reject: Omit<Reject, 'id'> }
  /** Of no record: a symbol was recognised as delayed. */
  | { readonly kind: 'delayed'; readonly shard: string; readonly symbol: string; readonly delayMs: number };

/** Takes a feed's records in, in the order in which they come. Reads no clock. */
export interface Intake {
  /**
   * Judges a record's symbol and time, gives it its id and buffers it. Price and size are transform's to judge.
   *
   * @returns What is decided now, of this record and of those that waited; a record that waits has its verdict
   *   later.
   */
  offer(entry: unknown, arrival: Arrival): readonly Verdict[];
  /**
   * Time goes on: watermarks move as far as the line was alive, a quiet shard's due windows get a batch, and
   * what has waited for long enough is decided.
   */
  advance(aliveFeedMs: number, monotonicMs: number): readonly Verdict[];
  /** The recording has ended: what waits is decided, and every window that waits gets its closing batch. */
  end(monotonicMs: number): readonly Verdict[];
  /** Ingest ends: what waits is decided. */
  stop(): readonly Verdict[];
  /** Number of records that wait to be believed. */
  waiting(): number;
}

/** What is kept of a record until its time is decided. */
interface Item {
  readonly record: VendorRecord;
  readonly bytes: number;
  readonly seen: SeenTrade;
  readonly connection: number;
  readonly monotonicMs: number;
}

/** What a record costs in a batch beside itself and its id. */
const WRAPPING_BYTES = '{"id":"","record":},'.length;
const DELAY_BYTES = ',"delayMs":86400000'.length;
const FORGET_EVERY_MS = 60_000;

/** Builds the intake of a feed over its shards. */
export function createIntake(shards: ShardMap, options: IntakeOptions): Intake {
  const { clock: clockOptions, aheadMs, horizonMs, memoryMs, memoryMinTrades, isReplay } = options;
  const forgotAtMs = new Map<string, number>();
  const feedWide = createFeedWideTime();
  const times = new Map<IngestShard, ShardTime<Item>>(
    shards.all().map((shard) => [shard, createShardTime<Item>(shard, options, feedWide)]),
  );

  /**
   * Forgets what is too late for whatever batch comes next: by the same watermark, and by that of delayed
   * symbols; and nothing that came lately, for a jump of the watermark may show only afterwards whose time is
   * another.
   */
  function forget(shard: IngestShard, feedMs: number): void {
    const { sentWatermarkMs: knownMs } = shard;
    if (knownMs < (forgotAtMs.get(shard.name) ?? 0) + FORGET_EVERY_MS) return;
    forgotAtMs.set(shard.name, knownMs);
    if (shards.memorySize() <= memoryMinTrades) return;
    const delayed = [...shard.delaysMs.values()].map(
      (delayMs) => [knownMs - delayMs - memoryMs, knownMs - delayMs + horizonMs] as const,
    );
    const spans = [[knownMs - memoryMs, Number.POSITIVE_INFINITY] as const, ...delayed];
    // A recording's time may stand still.
    shard.memory.forgetOutside(spans, isReplay ? Number.POSITIVE_INFINITY : feedMs - memoryMs);
  }

  function identify(shard: IngestShard, { item, symbol, eventTimeMs, feedMs }: Arrived<Item>): string | null {
    const { price, size, conditions, ownId } = item.seen;
    const tuple = { symbol, eventTimeMs, price, size, conditions, ownId };
    return shard.memory.identify(tuple, item.connection, feedMs);
  }

  function carryOut(shard: IngestShard, verdict: TimeVerdict<Item>): Verdict {
    if (verdict.kind === 'delayed') return { ...verdict, shard: shard.name };
    const { arrived } = verdict;
    const { symbol, eventTimeMs } = arrived;
    const { record, monotonicMs, seen } = arrived.item;
    const isUnknowable = shard.memory.mayHaveForgotten(symbol, eventTimeMs);
    const id = identify(shard, arrived);
    if (id === null) return { kind: 'duplicate', symbol };
    if (verdict.kind === 'refused') {
      const rules = shards.rules === undefined ? {} : { rules: shards.rules };
      const detail = `its time is more than ${aheadMs} ms ahead of ${shard.name}, and nothing has confirmed it`;
      const place = { shard: shard.name, tradeId: id, format: shards.format.name, ...rules };
      return { kind: 'reject', reject: { reason: 'too_far_ahead', detail, ...place, record } };
    }
    const { watermarkMs } = verdict;
    // Too late by its batch, unless it may have been counted before: then by its shard's time, for sure.
    const delayMs = isUnknowable ? 0 : verdict.delayMs;
    const bytes = arrived.item.bytes + id.length + WRAPPING_BYTES + (delayMs > 0 ? DELAY_BYTES : 0);
    const raw = delayMs > 0 ? { id, record, delayMs } : { id, record };
    shard.buffer.append(raw, { bytes, eventTimeMs, monotonicMs, watermarkMs });
    forget(shard, arrived.feedMs);
    return { kind: 'accepted', symbol, isTrade: seen.isTrade, bytes };
  }

  function carryOutAll(decide: (time: ShardTime<Item>) => readonly TimeVerdict<Item>[]): readonly Verdict[] {
    return [...times].flatMap(([shard, time]) => decide(time).map((verdict) => carryOut(shard, verdict)));
  }

  return {
    offer(entry, arrival) {
      const read = readFeedRecord(entry);
      if (read.kind === 'bad') return [reject('bad_frame', read.detail, read.text)];
      const { record, bytes } = read;
      const seen = shards.format.seeTrade(record);
      const { eventTimeMs } = seen;
      const symbol = readSymbol(seen.symbol);
      if (symbol === null) return [reject('bad_symbol', 'its symbol is none', record)];
      if (!isEventTime(eventTimeMs)) {
        return [reject('bad_time', 'its time is not between 2000 and 2100', record)];
      }
      const shard = shards.shardOf(symbol);
      const { connection, monotonicMs, feedMs, clockMs } = arrival;
      const item = { record, bytes, seen, connection, monotonicMs };
      const arrived = { item, symbol, eventTimeMs, feedMs, clockMs };
      const verdicts = times.get(shard)?.offer(arrived) ?? [];
      return verdicts.map((verdict) => carryOut(shard, verdict));
    },
    advance(aliveFeedMs, monotonicMs) {
      const verdicts = carryOutAll((time) => time.pass(aliveFeedMs));
      for (const shard of shards.all()) {
        if (shard.clock === null) continue;
        shard.clock = advanceClock(shard.clock, aliveFeedMs, clockOptions);
        // With records in the open batch, the next batch carries the watermark anyway.
        if (shard.buffer.openedAtMs() === undefined)
          shard.buffer.closeDue(shard.clock.watermarkMs, monotonicMs);
      }
      return verdicts;
    },
    end(monotonicMs) {
      const verdicts = carryOutAll((time) => time.end('recording'));
      for (const shard of shards.all()) {
        if (shard.clock === null) continue;
        shard.clock = endClock(shard.clock);
        shard.buffer.closeDue(shard.clock.watermarkMs, monotonicMs);
      }
      return verdicts;
    },
    stop: () => carryOutAll((time) => time.end('stop')),
    waiting: () => [...times.values()].reduce((sum, time) => sum + time.waiting(), 0),
  };
}

function reject(reason: Reject['reason'], detail: string, record: unknown): Verdict {
  return { kind: 'reject', reject: { reason, detail, record } };
}
