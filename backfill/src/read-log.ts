import { parseFeedGap, type FeedGap, type GapBackfill } from '@kandle/market/feed/feed-gap';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import type { FormatName } from '@kandle/market/feed/format-name';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { CountingRules } from '@kandle/market/trade/counting-rules';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import type { Trade } from '@kandle/market/trade/trade';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { RetryableError } from '@kandle/runtime/errors';
import { readTopic } from '@kandle/runtime/read-topic';
import { isAvroRecord, parseRecordData } from '@kandle/runtime/record-data';
import type { Kafka, KafkaMessage } from 'kafkajs';

/** What the log says of a shard without a look into its batches. */
export interface ShardFacts {
  readonly shard: string;
  readonly partition: number;
  /** Before this time the log may lack batches: they were cut off. */
  readonly wholeFromMs: number;
  watermarkMs: number;
  /** How far the symbol that is furthest behind is behind its shard. */
  maxDelayMs: number;
  /** Where the watermark was in the log, a minute apart, ascending. */
  readonly places: { readonly watermarkMs: number; readonly offset: string }[];
}

/** A gap of the log, and what the last backfill has said of it. */
export interface KnownGap {
  readonly name: string;
  readonly gap: FeedGap;
  readonly report: GapBackfill | null;
}

/** What a first reading of the log has found. */
export interface LogFacts {
  readonly shards: ReadonlyMap<string, ShardFacts>;
  readonly gaps: readonly KnownGap[];
}

/** Where the log is. */
export interface RawLog {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Reads what is Avro of it; null where there is no schema registry. */
  readonly avro: AvroEvents | null;
}

const READER = { name: 'kandle-backfill' };
const PLACE_EVERY_MS = 60_000;
/** Trades come a little out of order, and the log's first batches may lack some. */
const DISORDER_MS = 60_000;
/** A trade stands in the log no earlier than when the watermark was this much before it. */
const EARLY_MS = 600_000;

/** What names a gap, however often it is told. */
function gapName({ shard, fromMs, reason }: Pick<FeedGap, 'shard' | 'fromMs' | 'reason'>): string {
  return `${shard}:${fromMs}:${reason}`;
}

/** Reads the gaps of the whole log, and how far each shard is. */
export async function readFacts({ kafka, topic, avro }: RawLog): Promise<LogFacts> {
  const shards = new Map<string, ShardFacts>();
  const gaps = new Map<string, KnownGap>();

  async function takeBatch(partition: number, message: KafkaMessage): Promise<void> {
    const { headers, value, offset } = message;
    const shard = headerOf(headers, 'ce_shard');
    const watermarkMs = Number(headerOf(headers, 'ce_watermark'));
    if (shard === '' || !Number.isSafeInteger(watermarkMs)) return;
    // What was redriven or backfilled tells nothing of the time.
    if (watermarkMs === 0) return;
    let facts = shards.get(shard);
    if (facts === undefined) {
      const isKnownBefore = Number(headerOf(headers, 'ce_watermarkbefore')) > 0;
      const isFirst = headerOf(headers, 'ce_sequence') === '1' && !isKnownBefore;
      const wholeFromMs = isFirst ? 0 : watermarkMs + DISORDER_MS;
      facts = { shard, partition, wholeFromMs, watermarkMs, maxDelayMs: 0, places: [] };
      shards.set(shard, facts);
    }
    facts.watermarkMs = Math.max(facts.watermarkMs, watermarkMs);
    if (facts.watermarkMs >= (facts.places.at(-1)?.watermarkMs ?? 0) + PLACE_EVERY_MS)
      facts.places.push({ watermarkMs: facts.watermarkMs, offset });
    if (!isAvroRecord(message) && value?.includes('"delayMs":') !== true) return;
    for (const { delayMs = 0 } of (await readBatch(message, avro))?.records ?? [])
      facts.maxDelayMs = Math.max(facts.maxDelayMs, delayMs);
  }

  async function takeGap(message: KafkaMessage): Promise<void> {
    const gap = await parseRecordData(message, avro, parseFeedGap);
    if (gap === null) return;
    const name = gapName(gap);
    const known = gaps.get(name);
    const { backfill: told = null, ...plain } = gap;
    const report = told !== null && told.atMs >= (known?.report?.atMs ?? 0) ? told : (known?.report ?? null);
    // Of several reports of one gap the one that ends last counts.
    const longest = known !== undefined && known.gap.toMs > plain.toMs ? known.gap : plain;
    gaps.set(name, { name, gap: longest, report });
  }

  await readTopic(kafka, topic, READER, async (partition, messages) => {
    for (const message of messages) {
      const type = headerOf(message.headers, 'ce_type');
      if (type === EVENT_TYPES.rawTrades) await takeBatch(partition, message);
      else if (type === EVENT_TYPES.feedGap) await takeGap(message);
    }
  });
  return { shards, gaps: [...gaps.values()].toSorted((a, b) => a.gap.fromMs - b.gap.fromMs) };
}

/** What is counted of a gap, and how its shard's records are read. */
export interface CountedGap {
  readonly trades: readonly Trade[];
  /** Of the shard, from shortly before the gap on. */
  readonly symbols: ReadonlySet<string>;
  readonly format: FormatName | undefined;
  readonly rules: CountingRules | undefined;
}

interface Collected {
  readonly gap: FeedGap;
  /** By id: a batch may stand in the log twice. */
  readonly trades: Map<string, Trade>;
  readonly symbols: Set<string>;
  format: FormatName | undefined;
  rules: CountingRules | undefined;
}

/**
 * Reads what is counted in some gaps: judged as transform does, from shortly before the first of them to the
 * end of the log.
 *
 * @param maxTrades Most trades held.
 */
export async function readCountedGaps(
  { kafka, topic, avro }: RawLog,
  {
    gaps,
    facts,
    horizonMs,
    maxTrades,
  }: {
    readonly gaps: readonly KnownGap[];
    readonly facts: LogFacts;
    readonly horizonMs: number;
    readonly maxTrades: number;
  },
): Promise<ReadonlyMap<string, CountedGap>> {
  const collected = new Map(
    gaps.map(({ name, gap }): [string, Collected] => [
      name,
      { gap, trades: new Map(), symbols: new Set(), format: undefined, rules: undefined },
    ]),
  );
  const byShard = Map.groupBy(collected.values(), ({ gap }) => gap.shard);
  let held = 0;
  await readTopic(kafka, topic, { ...READER, fromOffsets: startsOf(gaps, facts) }, async (_, messages) => {
    for (const message of messages) {
      const { headers } = message;
      const wanted = byShard.get(headerOf(headers, 'ce_shard'));
      if (wanted === undefined || headerOf(headers, 'ce_type') !== EVENT_TYPES.rawTrades) continue;
      const batch = await readBatch(message, avro);
      if (batch === null) continue;
      const { trades } = cleanBatch(batch, horizonMs).batch;
      for (const one of wanted) {
        if (batch.backfilled === undefined && batch.records.length > 0) {
          one.format = batch.format;
          one.rules = batch.rules;
        }
        for (const trade of trades) {
          one.symbols.add(trade.symbol);
          if (trade.eventTimeMs < one.gap.fromMs || trade.eventTimeMs > one.gap.toMs) continue;
          one.trades.set(trade.id, trade);
          held += 1;
          if (held > maxTrades)
            throw new RetryableError(
              `Cannot backfill: more than ${maxTrades} trades are counted in these gaps; take fewer at once with --since, --until or --gap`,
            );
        }
      }
    }
  });
  return new Map([...collected].map(([name, one]) => [name, { ...one, trades: [...one.trades.values()] }]));
}

/** By partition, from where on trades of the gaps may stand; partitions without a gap are passed over. */
function startsOf(gaps: readonly KnownGap[], { shards }: LogFacts): ReadonlyMap<number, string> {
  const starts = new Map<number, bigint>();
  for (const { gap } of gaps) {
    const facts = shards.get(gap.shard);
    if (facts === undefined) continue;
    const place = facts.places.findLast(({ watermarkMs }) => watermarkMs <= gap.fromMs - EARLY_MS);
    const offset = BigInt(place?.offset ?? 0);
    const known = starts.get(facts.partition);
    if (known === undefined || offset < known) starts.set(facts.partition, offset);
  }
  return new Map([...starts].map(([partition, offset]) => [partition, String(offset)]));
}

/** Null if transform cannot read it either: nothing of it is counted. */
function readBatch(message: KafkaMessage, avro: AvroEvents | null): Promise<RawBatch | null> {
  const { headers } = message;
  const attributes = Object.fromEntries(
    Object.keys(headers ?? {}).flatMap((name) =>
      name.startsWith('ce_') ? [[name.slice('ce_'.length), headerOf(headers, name)]] : [],
    ),
  );
  return parseRecordData(message, avro, (data) => parseRawBatch(attributes, data));
}

function headerOf(headers: KafkaMessage['headers'], name: string): string {
  const value = headers?.[name];
  return value === undefined ? '' : String(Array.isArray(value) ? value[0] : value);
}
