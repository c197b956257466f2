import { partsOf } from '@kandle/market/event/parts';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { FORMAT_NAMES, type FormatName } from '@kandle/market/feed/format-name';
import { type CountingRules, CountingRulesSchema } from '@kandle/market/trade/counting-rules';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { toKafkaMessage } from '@kandle/runtime/kafka-message';
import { shardPartitioner } from '@kandle/runtime/shard-partitioner';
import { CompressionTypes, type Kafka } from 'kafkajs';
import { z } from 'zod';
import { readCounted } from './counted.ts';
import { headerText } from './dead-letter.ts';
import { type BatchOfRejects, formatEntry, type LedgerEntry, parseEntry, rejectKey } from './ledger.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import type { Filter } from './select.ts';

/** A record that was refused, as it lies in `market.rejects.v1`. */
export interface RefusedRecord {
  readonly partition: number;
  readonly offset: string;
  /** When it was refused, epoch milliseconds, by the broker's or the producer's clock. */
  readonly refusedMs: number;
  readonly id: string;
  readonly reason: string;
  readonly detail: string;
  /** With what it would have been counted; absent where it was refused for what it is. */
  readonly place: {
    readonly shard: string;
    readonly tradeId: string;
    /** Whose record it is; absent, it is Finnhub's. */
    readonly format?: FormatName | undefined;
    /** By which rules it counts. */
    readonly rules?: CountingRules | undefined;
  } | null;
  readonly record: unknown;
}

/** A refused record that is wanted, and what becomes of it. */
export interface JudgedReject {
  readonly reject: RefusedRecord;
  readonly fate: 'send' | 'redriven before' | 'refused for what it is' | 'counted already';
  /** The batch that it was meant for in a run that did not come to its end: it goes into the same one. */
  readonly batch: BatchOfRejects | null;
}

/** The topics that a redrive of refused records works on. */
export interface RejectTopics {
  readonly rejects: string;
  readonly redriven: string;
  readonly raw: string;
  /** Where the trades that are counted stand. */
  readonly trades: string;
}

const RejectsSchema = z.object({
  rejects: z.array(
    z.object({
      id: z.string(),
      reason: z.string(),
      detail: z.string().default(''),
      record: z.unknown(),
      shard: z.string().optional(),
      tradeId: z.string().optional(),
      format: z.enum(FORMAT_NAMES).optional(),
      rules: CountingRulesSchema.optional(),
    }),
  ),
});

/** Records of one batch; ingest makes batches of the same size. */
const MAX_RECORDS = 400;

/**
 * The refused records that are wanted, oldest first, each trade once. What the feed has delivered at another
 * time too, and is counted, is not sent.
 */
export async function listRejects(
  kafka: Kafka,
  topics: RejectTopics,
  filter: Filter,
  avro: AvroEvents | null = null,
): Promise<readonly JudgedReject[]> {
  const ledger = new Map<string, LedgerEntry>();
  await readTopic(kafka, topics.redriven, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { value } of messages) {
      const entry = parseEntry(String(value));
      // Word that it was sent stands behind word that it was to be, in the same partition.
      if (entry.batch !== undefined) ledger.set(entry.id, entry);
    }
  });
  const judged = new Map<string, JudgedReject>();
  await readTopic(kafka, topics.rejects, { name: 'kandle-redrive' }, (partition, messages) => {
    for (const { offset, timestamp, headers, value } of messages) {
      if (headerText(headers, 'ce_type') !== EVENT_TYPES.rejects) continue;
      const parsed = RejectsSchema.safeParse(JSON.parse(String(value)));
      for (const { shard, tradeId, format, rules, ...rest } of parsed.data?.rejects ?? []) {
        const place = shard === undefined || tradeId === undefined ? null : { shard, tradeId, format, rules };
        const reject = { partition, offset, refusedMs: Number(timestamp), place, ...rest };
        const key = place === null ? reject.id : rejectKey(place);
        const known = ledger.get(key);
        const isSent = known?.isSent === true;
        // A batch that was begun is sent whole, whatever is asked for now.
        const isBegun = known !== undefined && !isSent;
        if ((!isWanted(reject, filter) && !isBegun) || judged.has(key)) continue;
        judged.set(key, {
          reject,
          fate: place === null ? 'refused for what it is' : isSent ? 'redriven before' : 'send',
          batch: known?.batch ?? null,
        });
      }
    }
  });
  // A batch that was begun may be what has counted them: it is sent again as it was.
  const fresh = [...judged.values()].flatMap(({ fate, batch, reject: { refusedMs, place } }) =>
    fate === 'send' && batch === null && place !== null ? [{ refusedMs, place }] : [],
  );
  const counted = await readCounted(kafka, topics.trades, fresh, avro);
  return [...judged]
    .map(([key, one]) => (counted.has(key) ? { ...one, fate: 'counted already' as const } : one))
    .toSorted((a, b) => a.reject.refusedMs - b.reject.refusedMs);
}

function isWanted({ reason, id, place, refusedMs }: RefusedRecord, filter: Filter): boolean {
  return (
    (filter.reason === undefined || reason === filter.reason) &&
    (filter.id === undefined || filter.id === id || filter.id === place?.tradeId) &&
    (filter.sinceMs === undefined || refusedMs >= filter.sinceMs)
  );
}

/**
 * Sends refused records again as trades of `market.raw.v1`, in batches with an epoch of their own, watermark 0:
 * nothing is too late for them, and they tell nothing of the time.
 *
 * Which record goes into which batch is in the ledger before the batch is sent. A run that ends in between
 * leaves word, and the next one sends that batch again, with the same number and content: every reader takes it
 * for the repeat that it is.
 *
 * @returns Number of records sent.
 * @throws {RetryableError} If the broker does not take them.
 */
export async function sendRejectsAgain(
  kafka: Kafka,
  topics: RejectTopics,
  judged: readonly JudgedReject[],
  options: {
    /** Writes the batches as Avro, where their topic is written so. */
    readonly avro?: AvroEvents | null;
    readonly wallMs: () => number;
    readonly onProgress: (sent: number) => void;
  },
): Promise<number> {
  const { avro } = options;
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: shardPartitioner,
  });
  let sent = 0;

  async function enter(batch: Batch, isSent: boolean): Promise<void> {
    const messages = batch.rejects.map(({ partition, offset, place }) =>
      formatEntry({
        partition,
        offset,
        id: rejectKey(place),
        sentTo: topics.raw,
        sentAtMs: options.wallMs(),
        batch: batch.name,
        isSent,
      }),
    );
    await producer.send({
      topic: topics.redriven,
      acks: -1,
      compression: CompressionTypes.GZIP,
      messages,
    });
  }

  try {
    await producer.connect();
    for (const batch of batchesOf(judged, options.wallMs())) {
      await enter(batch, false);
      const { shard, epoch, sequence } = batch.name;
      const event = formatRawBatch({
        shard,
        epoch,
        sequence,
        watermarkMs: 0,
        watermarkBeforeMs: 0,
        ingestTimeMs: epoch,
        format: batch.rejects[0]?.place.format,
        rules: batch.rejects[0]?.place.rules,
        records: batch.rejects.map(({ place, record }) => ({ id: place.tradeId, record: recordOf(record) })),
      });
      await producer.send({
        topic: topics.raw,
        acks: -1,
        compression: CompressionTypes.GZIP,
        messages:
          avro?.isWritten(topics.raw) === true ? await avro.toMessages([event]) : [toKafkaMessage(event)],
      });
      await enter(batch, true);
      sent += batch.rejects.length;
      options.onProgress(sent);
    }
    return sent;
  } catch (error) {
    throw new RetryableError(`Cannot send refused records again: ${describeError(error)}`, { cause: error });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}

type Sendable = RefusedRecord & { readonly place: NonNullable<RefusedRecord['place']> };

interface Batch {
  readonly name: BatchOfRejects;
  readonly rejects: readonly Sendable[];
}

/**
 * Unfinished batches as they were, then new ones, by shard, vendor and rules, in the order in which the records
 * were refused.
 */
function batchesOf(judged: readonly JudgedReject[], epoch: number): readonly Batch[] {
  const wanted = judged.flatMap(({ reject, fate, batch }) =>
    fate === 'send' && reject.place !== null ? [{ reject: { ...reject, place: reject.place }, batch }] : [],
  );
  const unfinished = Map.groupBy(
    wanted.filter(({ batch }) => batch !== null),
    ({ batch }) => JSON.stringify(batch),
  );
  const old = [...unfinished.values()].flatMap((group): readonly Batch[] => {
    const name = group[0]?.batch;
    return name === undefined || name === null
      ? []
      : [{ name, rejects: group.map(({ reject }) => reject).toSorted(byTradeId) }];
  });
  const byShard = Map.groupBy(
    wanted.filter(({ batch }) => batch === null).map(({ reject }) => reject),
    ({ place }) => place.shard,
  );
  const fresh = [...byShard].flatMap(([shard, ofShard]) =>
    [...Map.groupBy(ofShard, ({ place: { format, rules } }) => JSON.stringify([format, rules])).values()]
      .flatMap((rejects) => partsOf(rejects, MAX_RECORDS))
      .map((rejects, n) => ({
        name: { shard, epoch, sequence: n + 1 },
        rejects: rejects.toSorted(byTradeId),
      })),
  );
  return [...old, ...fresh];
}

/** One order whatever the reading: a batch that is sent again has the same bytes. */
function byTradeId(a: Sendable, b: Sendable): number {
  return a.place.tradeId < b.place.tradeId ? -1 : a.place.tradeId > b.place.tradeId ? 1 : 0;
}

function recordOf(record: unknown): Readonly<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(record);
}

/** The topics of the pipeline. */
export function rejectTopics(prefix: string): RejectTopics {
  return {
    rejects: prefix + TOPICS.rejects,
    redriven: prefix + TOPICS.redriven,
    raw: prefix + TOPICS.raw,
    trades: prefix + TOPICS.trades,
  };
}
