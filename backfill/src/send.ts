import { describeError, FatalError, RetryableError } from '@kandle/runtime/errors';
import { readTopic } from '@kandle/runtime/read-topic';
import { CompressionTypes, type Kafka } from 'kafkajs';
import type { BackfillDeps } from './deps.ts';
import {
  type Chain,
  createChain,
  entryId,
  eventOf,
  formatPlan,
  formatSent,
  isGivenUp,
  type PlannedBatch,
} from './ledger.ts';

const READER = { name: 'kandle-backfill' };
/** Batches between two lines that say how far it is. */
const PROGRESS_EVERY = 25;

/** What the ledger says now. */
export async function readChain({ kafka, topics }: BackfillDeps): Promise<Chain> {
  const chain = createChain();
  await readTopic(kafka, topics.redriven, READER, (_, messages) => {
    for (const { value } of messages) chain.take(String(value));
  });
  return chain;
}

/** Batches that were begun, and are still to be sent. */
export function unsentOf(chain: Chain, wallMs: number): readonly PlannedBatch[] {
  return chain.batches().filter((one) => !one.isSent && !isGivenUp(one, wallMs));
}

/** Puts the batches into the ledger, each behind the one before it of its shard. */
export async function writePlan(
  deps: BackfillDeps,
  batches: readonly Pick<PlannedBatch, 'gap' | 'batch'>[],
  chain: Chain,
): Promise<void> {
  if (batches.length === 0) return;
  const last = new Map<string, string>();
  const { redriven: topic, raw } = deps.topics;
  await withProducer(deps.kafka, async (send) => {
    for (const planned of batches) {
      const { shard } = planned.batch;
      const previous = last.get(shard) ?? chain.lastOf(shard);
      await send(topic, formatPlan(planned, { previous, topic: raw, wallMs: deps.wallMs() }));
      last.set(shard, entryId(planned.batch));
    }
  });
}

/** Sends batches that stand in the ledger, and says so there. */
export async function sendBatches(
  deps: BackfillDeps,
  batches: readonly Pick<PlannedBatch, 'batch'>[],
): Promise<void> {
  if (batches.length === 0) return;
  const { redriven: topic, raw } = deps.topics;
  let done = 0;
  await withProducer(deps.kafka, async (send) => {
    for (const { batch } of batches) {
      await deps.producer.send(raw, [eventOf(batch)]);
      await send(topic, formatSent(batch, { topic: raw, wallMs: deps.wallMs() }));
      done += 1;
      if (done % PROGRESS_EVERY === 0 || done === batches.length)
        deps.onProgress(`  ${done} of ${batches.length} batches sent`);
    }
  });
}

type Send = (topic: string, message: ReturnType<typeof formatSent>) => Promise<void>;

/** A producer of the ledger's plain records. */
async function withProducer(kafka: Kafka, work: (send: Send) => Promise<void>): Promise<void> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  try {
    await producer.connect();
    await work(async (topic, message) => {
      await producer.send({ topic, acks: -1, compression: CompressionTypes.GZIP, messages: [message] });
    });
  } catch (error) {
    if (error instanceof FatalError || error instanceof RetryableError) throw error;
    throw new RetryableError(`Cannot write the ledger: ${describeError(error)}`, { cause: error });
  } finally {
    await producer.disconnect().catch(() => undefined);
  }
}
