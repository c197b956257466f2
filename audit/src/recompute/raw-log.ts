import { hash } from 'node:crypto';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { type Gap, type RawBatch, readGap, readRawBatch, type TopicEvent } from '../read/raw-batch.ts';
import { startOf, STRETCH_MS, WINDOW_MS } from '../values/periods.ts';
import { type BatchName, isBefore } from '../values/sequences.ts';
import type { PlacedTrade } from './expected-window.ts';
import { judgeRecord, type NotCounted } from './judge.ts';

/** What the log has of one shard. */
export interface ShardLog {
  readonly shard: string;
  readonly partition: number;
  /** The first batch that the log still holds, and its watermark. */
  readonly first: BatchName & { readonly watermarkMs: number };
  /** The newest batch so far. */
  last: BatchName;
  /** Batches before the first one may be gone, by retention. */
  readonly hasLostBatches: boolean;
  /** The largest watermark so far: of all batches, and of those that nobody gave up. */
  watermarkMs: number;
  liveWatermarkMs: number;
  /** The latest window that has a trade. */
  lastWindowMs: number;
  /** Everything was read: a batch that is not among these is not in the log. */
  isWhole: boolean;
  /** Every batch by epoch and sequence, with a digest of its bytes. */
  readonly batches: Map<number, Map<number, string>>;
  /** Stretches handed over already. */
  readonly compared: Set<number>;
  /** Trades by stretch and window. */
  readonly held: Map<number, Map<number, PlacedTrade[]>>;
}

/** Some windows of a shard, neighbours in time, complete as far as the log goes. */
export interface LogStretch {
  readonly log: ShardLog;
  readonly startMs: number;
  readonly windows: ReadonlyMap<number, readonly PlacedTrade[]>;
}

/** What was read. */
export interface LogCounts {
  events: number;
  batches: number;
  repeatedBatches: number;
  unreadable: number;
  records: number;
  trades: number;
  readonly notCounted: Partial<Record<NotCounted, number>>;
}

/** How the log is read. */
export interface RawLogOptions {
  /** How far behind its batch's watermark a trade may be and still count. */
  readonly horizonMs: number;
  /** The topic no longer begins with its first record. */
  readonly hasLostRecords: boolean;
  /** Most trades held at once. */
  readonly maxHeldTrades: number;
  /** When stretches are handed over: when no later batch can touch them, or all at the end. */
  readonly release: 'as time goes on' | 'at the end';
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Transform or aggregate gave the batch up. */
  readonly isDead: (shard: string, batch: BatchName) => boolean;
  /** Compares a stretch; the log waits for it. */
  readonly onStretch: (stretch: LogStretch) => Promise<void>;
}

/** One partition's raw events, in order, made into windows. */
export interface RawLog {
  readonly shards: ReadonlyMap<string, ShardLog>;
  readonly gaps: readonly Gap[];
  readonly counts: LogCounts;
  /** Batches that stand in the log twice with different bytes. */
  readonly contradictions: readonly (BatchName & { readonly shard: string })[];
  /** Stretches to be read once more, `<shard>|<start>`: a batch touched them after they had been handed over. */
  readonly again: ReadonlySet<string>;
  /** Adds a stretch to these, because only the whole log can tell. */
  lookAgain(shard: string, stretchMs: number): void;
  take(event: TopicEvent): Promise<void> | undefined;
  /** Hands over what is held still. */
  finish(): Promise<void>;
}

/** How much before its first watermark the log may be incomplete: trades come a little out of order. */
const DISORDER_MS = 60_000;

/** True for windows of a time of which the log may have lost batches to its retention. */
export function isBeforeLog(log: ShardLog, windowStartMs: number): boolean {
  return log.hasLostBatches && windowStartMs < log.first.watermarkMs + DISORDER_MS;
}

const OTHER_KINDS: ReadonlySet<unknown> = new Set([EVENT_TYPES.rawBooks, EVENT_TYPES.rawNews]);

/** A log of which nothing was read. */
export function createRawLog(options: RawLogOptions): RawLog {
  const shards = new Map<string, ShardLog>();
  const gaps: Gap[] = [];
  const contradictions: (BatchName & { readonly shard: string })[] = [];
  const again = new Set<string>();
  const counts: LogCounts = {
    events: 0,
    batches: 0,
    repeatedBatches: 0,
    unreadable: 0,
    records: 0,
    trades: 0,
    notCounted: {},
  };
  let held = 0;

  function openShard(batch: RawBatch, partition: number): ShardLog {
    const { shard, epoch, sequence, watermarkMs } = batch;
    let log = shards.get(shard);
    if (log === undefined) {
      log = {
        shard,
        partition,
        first: { epoch, sequence, watermarkMs },
        last: { epoch, sequence },
        hasLostBatches: options.hasLostRecords || sequence > 1,
        watermarkMs,
        liveWatermarkMs: Number.NEGATIVE_INFINITY,
        lastWindowMs: Number.NEGATIVE_INFINITY,
        isWhole: false,
        batches: new Map(),
        compared: new Set(),
        held: new Map(),
      };
      shards.set(shard, log);
    }
    return log;
  }

  /** True if the batch is new: the log may hold it again, when it was sent twice or redriven. */
  function isNew(log: ShardLog, { epoch, sequence }: RawBatch, value: Uint8Array): boolean {
    let sequences = log.batches.get(epoch);
    if (sequences === undefined) log.batches.set(epoch, (sequences = new Map()));
    const digest = hash('md5', value, 'base64').slice(0, 8);
    const known = sequences.get(sequence);
    if (known === undefined) {
      sequences.set(sequence, digest);
      return true;
    }
    counts.repeatedBatches += 1;
    if (known !== digest) contradictions.push({ shard: log.shard, epoch, sequence });
    return false;
  }

  function place(log: ShardLog, batch: RawBatch): void {
    const oldestMs = batch.watermarkMs - options.horizonMs;
    let index = 0;
    for (const { id, record } of batch.records) {
      counts.records += 1;
      const judged = judgeRecord(record, oldestMs);
      if (typeof judged === 'string') {
        counts.notCounted[judged] = (counts.notCounted[judged] ?? 0) + 1;
        continue;
      }
      counts.trades += 1;
      hold(log, { id, ...judged, epoch: batch.epoch, sequence: batch.sequence, index });
      index += 1;
    }
  }

  function hold(log: ShardLog, trade: PlacedTrade): void {
    const windowStartMs = startOf(trade.eventTimeMs, WINDOW_MS);
    log.lastWindowMs = Math.max(log.lastWindowMs, windowStartMs);
    if (!options.isWanted(log.shard, windowStartMs)) return;
    const stretchMs = startOf(trade.eventTimeMs, STRETCH_MS);
    if (log.compared.has(stretchMs)) {
      again.add(`${log.shard}|${stretchMs}`);
      return;
    }
    let stretch = log.held.get(stretchMs);
    if (stretch === undefined) log.held.set(stretchMs, (stretch = new Map()));
    const window = stretch.get(windowStartMs);
    if (window === undefined) stretch.set(windowStartMs, [trade]);
    else window.push(trade);
    held += 1;
    if (held > options.maxHeldTrades) {
      throw new RangeError(
        `Cannot audit: more than ${options.maxHeldTrades} trades of one partition are within the horizon; ` +
          'narrow it down with --since and --until, or allow more with --max-held and the memory for it',
      );
    }
  }

  /** Hands over the stretches that no later batch can touch: whatever is older than the horizon is too late. */
  async function release(log: ShardLog, limitMs: number): Promise<void> {
    for (const startMs of [...log.held.keys()].toSorted((a, b) => a - b)) {
      if (startMs + STRETCH_MS > limitMs) return;
      const windows = log.held.get(startMs) ?? new Map<number, PlacedTrade[]>();
      log.held.delete(startMs);
      log.compared.add(startMs);
      await options.onStretch({ log, startMs, windows });
      for (const trades of windows.values()) held -= trades.length;
    }
  }

  function isDue(log: ShardLog, limitMs: number): boolean {
    for (const startMs of log.held.keys()) if (startMs + STRETCH_MS <= limitMs) return true;
    return false;
  }

  return {
    shards,
    gaps,
    counts,
    contradictions,
    again,
    lookAgain: (shard, stretchMs) => again.add(`${shard}|${stretchMs}`),
    take(event) {
      counts.events += 1;
      // Books and news have numbers of their own, and nothing of them is counted.
      if (OTHER_KINDS.has(event.attributes['type'])) return undefined;
      if (event.attributes['type'] === EVENT_TYPES.feedGap) {
        const gap = readGap(event);
        if (gap === null) counts.unreadable += 1;
        else gaps.push(gap);
        return undefined;
      }
      const batch = event.attributes['type'] === EVENT_TYPES.rawTrades ? readRawBatch(event) : null;
      if (batch === null) {
        counts.unreadable += 1;
        return undefined;
      }
      const log = openShard(batch, event.partition);
      if (!isNew(log, batch, event.value)) return undefined;
      counts.batches += 1;
      if (isBefore(log.last, batch)) log.last = { epoch: batch.epoch, sequence: batch.sequence };
      log.watermarkMs = Math.max(log.watermarkMs, batch.watermarkMs);
      if (!options.isDead(batch.shard, batch))
        log.liveWatermarkMs = Math.max(log.liveWatermarkMs, batch.watermarkMs);
      place(log, batch);
      const limitMs = log.watermarkMs - options.horizonMs;
      return options.release === 'as time goes on' && isDue(log, limitMs) ? release(log, limitMs) : undefined;
    },
    async finish() {
      for (const log of shards.values()) {
        log.isWhole = true;
        await release(log, Number.POSITIVE_INFINITY);
      }
    },
  };
}
