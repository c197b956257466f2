import { hash } from 'node:crypto';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { ShardPlace } from '../read/log-index.ts';
import { type Gap, type RawBatch, readGap, readRawBatch, type TopicEvent } from '../read/raw-batch.ts';
import { startOf, STRETCH_MS, WINDOW_MS } from '../values/periods.ts';
import type { BatchName } from '../values/sequences.ts';
import type { PlacedTrade } from './expected-window.ts';
import { judgeRecord, type NotCounted } from './judge.ts';

/** What the log has of one shard. */
export interface ShardLog {
  readonly shard: string;
  /** Every partition that holds a batch of it: one, unless somebody wrote by another rule. */
  readonly partitions: readonly number[];
  /** The first batch that the log still holds whole, and its watermark. */
  readonly first: BatchName & { readonly watermarkMs: number };
  /** The newest batch so far of each epoch, and the newest epoch. */
  readonly newest: Map<number, number>;
  lastEpoch: number;
  /** Why the log may lack batches of before the first one; null if it goes back to the beginning. */
  readonly cut: 'cut by retention' | 'missing in the log' | null;
  /** Batches that stand in another partition than the shard's own, and not in that one. */
  strays: readonly BatchName[];
  /** How far the symbol that is furthest behind is behind its shard. */
  maxDelayMs: number;
  /** Its feed shows prices from time to time, and tells no trades. */
  isSampled: boolean;
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
  /** Among them: price updates without a trade, and trades whose price counts for less by their conditions. */
  priceUpdates: number;
  conditioned: number;
  /** Of the wanted windows: trades, those that came too late, and refused ones that were sent again. */
  wantedTrades: number;
  wantedTooLate: number;
  redrivenTrades: number;
  /** Among them: those that a backfill brought. */
  backfilledTrades: number;
  readonly notCounted: Partial<Record<NotCounted, number>>;
}

/** Nothing read yet. */
export function noCounts(): LogCounts {
  return {
    events: 0,
    batches: 0,
    repeatedBatches: 0,
    unreadable: 0,
    records: 0,
    trades: 0,
    priceUpdates: 0,
    conditioned: 0,
    wantedTrades: 0,
    wantedTooLate: 0,
    redrivenTrades: 0,
    backfilledTrades: 0,
    notCounted: {},
  };
}

/** Adds what was read of one part to a sum. */
export function addCounts(sum: LogCounts, { notCounted, ...counts }: LogCounts): void {
  for (const [name, count] of Object.entries(counts)) sum[name as keyof typeof counts] += count;
  for (const [name, count] of Object.entries(notCounted)) {
    const reason = name as NotCounted;
    sum.notCounted[reason] = (sum.notCounted[reason] ?? 0) + count;
  }
}

/** How the log is read. */
export interface RawLogOptions {
  /** How far a trade may be behind what was known before its batch and still count. */
  readonly horizonMs: number;
  /** Where in the topic a shard is, as the first reading saw it. */
  readonly placeOf: (shard: string) => ShardPlace | undefined;
  /** Most trades held at once. */
  readonly maxHeldTrades: number;
  /** When stretches are handed over: when no later batch can touch them, or all at the end. */
  readonly release: 'as time goes on' | 'at the end';
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Transform or aggregate gave the batch up, and nobody has sent it again. */
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
  /**
   * Stretches to be read once more, `<shard>|<start>`: a batch touched them after they had been handed over.
   */
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
  return log.cut !== null && windowStartMs < log.first.watermarkMs + DISORDER_MS;
}

/** True for a batch that came after the log was read. */
export function isAfterLog(log: ShardLog, { epoch, sequence }: BatchName): boolean {
  const newest = log.newest.get(epoch);
  return newest === undefined ? epoch > log.lastEpoch : sequence > newest;
}

const OTHER_KINDS: ReadonlySet<unknown> = new Set([EVENT_TYPES.rawBooks, EVENT_TYPES.rawNews]);

/** A log of which nothing was read. */
export function createRawLog(options: RawLogOptions): RawLog {
  const shards = new Map<string, ShardLog>();
  const gaps: Gap[] = [];
  const contradictions: (BatchName & { readonly shard: string })[] = [];
  const again = new Set<string>();
  const counts = noCounts();
  let held = 0;

  function openShard(batch: RawBatch, partition: number): ShardLog {
    const { shard, epoch, sequence, watermarkMs } = batch;
    let log = shards.get(shard);
    if (log === undefined) {
      const place = options.placeOf(shard);
      const first = place?.first ?? { epoch, sequence, watermarkMs };
      const isMissing = first.watermarkMs > 0 && first.sequence > 1;
      log = {
        shard,
        partitions: place?.partitions ?? [partition],
        first,
        newest: new Map(),
        lastEpoch: epoch,
        cut: place?.isCut === true ? 'cut by retention' : isMissing ? 'missing in the log' : null,
        strays: [],
        maxDelayMs: 0,
        isSampled: false,
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
  function isNew(
    log: ShardLog,
    { epoch, sequence }: RawBatch,
    { value, isAtHome }: { readonly value: Uint8Array; readonly isAtHome: boolean },
  ): boolean {
    let sequences = log.batches.get(epoch);
    if (sequences === undefined) log.batches.set(epoch, (sequences = new Map()));
    const digest = hash('md5', value, 'base64').slice(0, 8);
    const known = sequences.get(sequence);
    if (known === undefined) {
      sequences.set(sequence, digest);
      return true;
    }
    counts.repeatedBatches += 1;
    if (isAtHome)
      log.strays = log.strays.filter((stray) => stray.epoch !== epoch || stray.sequence !== sequence);
    if (known !== digest) contradictions.push({ shard: log.shard, epoch, sequence });
    return false;
  }

  function place(log: ShardLog, batch: RawBatch): void {
    let index = 0;
    for (const { id, record, delayMs } of batch.records) {
      counts.records += 1;
      log.maxDelayMs = Math.max(log.maxDelayMs, delayMs);
      log.isSampled ||= batch.format === 'samples';
      const oldestMs = batch.knownMs - delayMs - options.horizonMs;
      const judged = judgeRecord(record, oldestMs, batch);
      if (typeof judged === 'string') {
        counts.notCounted[judged] = (counts.notCounted[judged] ?? 0) + 1;
        if (judged === 'too_late' && options.isWanted(log.shard, startOf(Number(record['t']), WINDOW_MS)))
          counts.wantedTooLate += 1;
        continue;
      }
      counts.trades += 1;
      if (judged.rank === 3) counts.priceUpdates += 1;
      else if (judged.rank > 0) counts.conditioned += 1;
      if (options.isWanted(log.shard, startOf(judged.eventTimeMs, WINDOW_MS))) {
        counts.wantedTrades += 1;
        if (batch.backfilled !== null) counts.backfilledTrades += 1;
        else if (batch.watermarkMs === 0) counts.redrivenTrades += 1;
      }
      const { epoch, sequence, format, backfilled } = batch;
      hold(log, { id, ...judged, isSampled: format === 'samples', backfilled, epoch, sequence, index });
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

  /**
   * Hands over the stretches that no later batch can touch: whatever is older than the horizon is too late.
   * What was redriven is never too late; its stretches are read again.
   */
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
      const isAtHome = event.partition === (options.placeOf(batch.shard)?.home ?? event.partition);
      if (!isNew(log, batch, { value: event.value, isAtHome })) return undefined;
      counts.batches += 1;
      log.newest.set(batch.epoch, Math.max(log.newest.get(batch.epoch) ?? 0, batch.sequence));
      log.lastEpoch = Math.max(log.lastEpoch, batch.epoch);
      if (!isAtHome) log.strays = [...log.strays, { epoch: batch.epoch, sequence: batch.sequence }];
      log.watermarkMs = Math.max(log.watermarkMs, batch.watermarkMs);
      if (!options.isDead(batch.shard, batch))
        log.liveWatermarkMs = Math.max(log.liveWatermarkMs, batch.watermarkMs);
      place(log, batch);
      const limitMs = log.watermarkMs - options.horizonMs - log.maxDelayMs;
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
