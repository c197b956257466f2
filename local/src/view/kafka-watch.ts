import { setTimeout as sleep } from 'node:timers/promises';
import { parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { parseSignalBatch } from '@kandle/market/signal/signal-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { readRecordData } from '@kandle/runtime/record-data';
import { type Admin, Kafka, type KafkaMessage, logLevel } from 'kafkajs';
import { z } from 'zod';
import { type CandleBoard, createCandleBoard } from './candle-board.ts';
import { createSignalBoard, type SignalBoard } from './signal-board.ts';

/** What is read from Kafka to show it, from the beginning of this run on. */
export interface KafkaWatch {
  readonly board: CandleBoard;
  readonly signals: SignalBoard;
  /** Records that have been added to the topics of rejects and of dead letters. */
  metrics(): { readonly rejects: number; readonly deadLetters: number };
  /** Refused records by reason, as read so far. */
  refusals(): ReadonlyMap<string, number>;
  /** Begins to read; the topics are there by now. */
  start(): Promise<void>;
  /** Waits until every candle and refusal of now was read, but no longer than so many milliseconds. */
  catchUp(deadlineMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The topics to look at. */
export interface WatchedTopics {
  readonly candles: string;
  readonly signals: string;
  readonly rejects: string;
  readonly dead: string;
}

type Offsets = ReadonlyMap<number, bigint>;

const RejectsSchema = z.object({ rejects: z.array(z.object({ reason: z.string() })) });

const COUNT_EVERY_MS = 2_000;
const CATCH_UP_POLL_MS = 50;

/**
 * Notes where the topics end, as the point from which things are counted. Topics that are not there yet begin
 * at 0.
 *
 * The consumer belongs to a group of its own that commits nothing and is deleted in the end.
 *
 * @param isLive False for a recording: its candles are of another time.
 * @param avro Reads events that are Avro; null where there is no schema registry.
 */
export async function createKafkaWatch(
  brokers: readonly string[],
  topics: WatchedTopics,
  isLive: boolean,
  avro: AvroEvents | null = null,
): Promise<KafkaWatch> {
  const kafka = new Kafka({ clientId: 'kandle-view', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const groupId = `kandle-view-${process.pid}-${Date.now()}`;
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 250 });
  const board = createCandleBoard(isLive);
  const signals = createSignalBoard();
  const read = new Map<string, bigint>();
  const refusals = new Map<string, number>();
  /** The same refusals may come twice; the id of their event says so. */
  const refusedIds = new Set<string>();
  let counted = { rejects: 0, deadLetters: 0 };
  let timer: NodeJS.Timeout | undefined;

  await admin.connect();
  const existing = new Set(await admin.listTopics());
  const begin = async (topic: string): Promise<Offsets> =>
    existing.has(topic) ? await endsOf(admin, topic) : new Map();
  const [candlesFrom, signalsFrom, rejectsFrom, deadFrom] = await Promise.all([
    begin(topics.candles),
    begin(topics.signals),
    begin(topics.rejects),
    begin(topics.dead),
  ]);

  async function count(): Promise<void> {
    const [rejects, dead] = await Promise.all([endsOf(admin, topics.rejects), endsOf(admin, topics.dead)]);
    counted = { rejects: added(rejects, rejectsFrom), deadLetters: added(dead, deadFrom) };
  }

  function noteRefusals(id: string, data: unknown): void {
    if (refusedIds.has(id)) return;
    refusedIds.add(id);
    for (const { reason } of RejectsSchema.parse(data).rejects)
      refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
  }

  async function show(message: KafkaMessage, nowMs: number): Promise<void> {
    const data = await readRecordData(message, avro);
    const { headers } = message;
    const type = headers?.['ce_type']?.toString();
    if (type === EVENT_TYPES.indicators) signals.applyIndicators(parseIndicatorBatch(data));
    else if (type === EVENT_TYPES.rejects) noteRefusals(headers?.['ce_id']?.toString() ?? '', data);
    else if (type === EVENT_TYPES.signals) signals.applySignals(parseSignalBatch(data));
    else board.apply(parseCandleBatch(data), nowMs);
  }

  return {
    board,
    signals,
    metrics: () => counted,
    refusals: () => refusals,
    async start() {
      const froms = new Map<string, Offsets>([
        [topics.candles, candlesFrom],
        [topics.signals, signalsFrom],
        [topics.rejects, rejectsFrom],
      ]);
      // At each join, for KafkaJS forgets at a rebalance where it was.
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
          for (const partition of partitions) {
            const offset = read.get(`${topic} ${partition}`) ?? froms.get(topic)?.get(partition) ?? 0n;
            consumer.seek({ topic, partition, offset: String(offset) });
          }
        }
      });
      await consumer.connect();
      await consumer.subscribe({ topics: [topics.candles, topics.signals, topics.rejects] });
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const nowMs = Date.now();
          for (const message of batch.messages) {
            // An event that cannot be read is for its consumers to judge; here it is only not shown.
            try {
              await show(message, nowMs);
            } catch {}
          }
          read.set(`${batch.topic} ${batch.partition}`, BigInt(batch.lastOffset()) + 1n);
        },
      });
      timer = setInterval(() => void count().catch(() => undefined), COUNT_EVERY_MS);
    },
    async catchUp(deadlineMs) {
      const deadline = performance.now() + deadlineMs;
      try {
        await count();
        const awaited = await Promise.all(
          [
            { topic: topics.candles, from: candlesFrom },
            { topic: topics.rejects, from: rejectsFrom },
          ].map(async ({ topic, from }) => ({ topic, from, ends: await endsOf(admin, topic) })),
        );
        const isBehind = (): boolean =>
          awaited.some(({ topic, from, ends }) =>
            [...ends].some(
              ([partition, end]) => (read.get(`${topic} ${partition}`) ?? from.get(partition) ?? 0n) < end,
            ),
          );
        while (isBehind() && performance.now() < deadline) await sleep(CATCH_UP_POLL_MS);
      } catch {
        // The broker may be gone already: what was seen until now has to do.
      }
    },
    async close() {
      clearInterval(timer);
      await consumer.disconnect().catch(() => undefined);
      await admin.deleteGroups([groupId]).catch(() => undefined);
      await admin.disconnect().catch(() => undefined);
    },
  };
}

async function endsOf(admin: Admin, topic: string): Promise<Offsets> {
  const partitions = await admin.fetchTopicOffsets(topic);
  return new Map(partitions.map(({ partition, high }) => [partition, BigInt(high)]));
}

function added(now: Offsets, before: Offsets): number {
  let sum = 0n;
  for (const [partition, end] of now) sum += end - (before.get(partition) ?? 0n);
  return Number(sum);
}
