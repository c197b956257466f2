import { setTimeout as sleep } from 'node:timers/promises';
import type { RunPlan } from '@kandle/knative/plan';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { PoisonError } from '@kandle/runtime/errors';
import { asJsonRecord } from '@kandle/runtime/record-data';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import type { Admin, Kafka, Message } from 'kafkajs';
import { createCutShards } from './cut-shards.ts';
import { type PlayedRecord, readRaw } from './raw-source.ts';
import { type Played, takeBatch } from './take-batch.ts';

/** What was copied into a shadow's raw topic. */
export interface Filled {
  readonly batches: number;
  readonly shards: ReadonlySet<string>;
  /** Shards of which the log may lack batches of the range. */
  readonly cut: readonly string[];
}

/** From where, and where to. */
export interface Filling {
  readonly kafka: Kafka;
  readonly admin: Admin;
  /** The pipeline's raw topic. */
  readonly from: string;
  readonly archiveFolder: string | null;
  /** Reads what is Avro of it; null where there is no schema registry. */
  readonly avro: AvroEvents | null;
  /** The shadow's. */
  readonly rawTopic: string;
  readonly plan: RunPlan;
  /** Most batches a second; null for as fast as it goes. */
  readonly pace: number | null;
  /** Called when the shadow's topics are there, before anything is in them. */
  readonly onBegin: () => void;
}

/** So much is handed to Kafka at a time. */
const SEND_BYTES = 500_000;
/** So far a paced copy may be ahead of its pace: in larger steps it would come in bursts. */
const AHEAD_MS = 100;

/** Copies what a stretch needs of the raw topic into the shadow's, each record into its own partition. */
export async function fillShadow(played: Played, filling: Filling): Promise<Filled> {
  const { kafka, admin, from, archiveFolder, avro, rawTopic, plan, pace, onBegin } = filling;
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const shards = new Set<string>();
  let cut = createCutShards([], played.fromMs);
  let waiting: Message[] = [];
  let [bytes, batches] = [0, 0];
  const flush = async (): Promise<void> => {
    if (waiting.length > 0) await producer.send({ topic: rawTopic, acks: -1, messages: waiting });
    [waiting, bytes] = [[], 0];
  };
  let startedMs = 0;
  /** Waits until so many batches are due; what waits is sent before. */
  const keepPace = async (perSecond: number): Promise<void> => {
    const aheadMs = (batches / perSecond) * 1_000 - (performance.now() - startedMs);
    if (aheadMs < AHEAD_MS) return;
    await flush();
    await sleep(aheadMs);
  };
  await producer.connect();
  try {
    await readRaw(
      { kafka, topic: from, archiveFolder },
      async (reading) => {
        cut = createCutShards(reading.cutPartitions, played.fromMs);
        // A shard stands in the same partition as in the pipeline's own topics.
        const topics = plan.topics.map((topic) => ({ ...topic, partitions: reading.partitions }));
        await createTopics(admin, topics);
        startedMs = performance.now();
        onBegin();
      },
      async (record) => {
        const { partition, key, headers, value } = await asPlayable(record, avro);
        const attributes = attributesOf(headers);
        cut.see({ partition, attributes });
        const taken = value === null ? null : takeBatch({ attributes, value }, played);
        if (taken === null) return;
        const { shard } = attributes;
        if (shard !== undefined) shards.add(shard);
        batches += 1;
        bytes += taken.length;
        waiting.push({ partition, key, headers: { ...headers }, value: taken });
        if (bytes >= SEND_BYTES) await flush();
        if (pace !== null) await keepPace(pace);
      },
    );
    await flush();
  } finally {
    await producer.disconnect();
  }
  return { batches, shards, cut: cut.shards() };
}

/**
 * A record as JSON: the functions of a shadow need no registry. What cannot be read stays as it is: transform
 * refuses it as it did before.
 */
async function asPlayable(record: PlayedRecord, avro: AvroEvents | null): Promise<PlayedRecord> {
  try {
    return await asJsonRecord(record, avro);
  } catch (error) {
    if (error instanceof PoisonError) return record;
    throw error;
  }
}

function attributesOf(headers: Readonly<Record<string, Buffer>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, bytes]) =>
      name.startsWith('ce_') ? [[name.slice(3), bytes.toString('utf8')] as const] : [],
    ),
  );
}
