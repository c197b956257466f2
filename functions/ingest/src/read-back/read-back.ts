import { randomUUID } from 'node:crypto';
import { feedOfShard } from '@kandle/market/event/shard';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { describeError, FatalError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { isAvroRecord, parseRecordData } from '@kandle/runtime/record-data';
import type { Kafka, TailMessage } from './offset-range-consumer.ts';
import { readTopicTail } from './topic-tail.ts';
import { createUnreadableBatches, type Unreadable } from './unreadable.ts';
import { pause } from '../pause.ts';

/** What is read back, and who takes it in. */
export interface ReadBackOptions {
  readonly topic: string;
  readonly feed: string;
  /** How far back, by the time at which the broker stored a record. */
  readonly memoryMs: number;
  /** Takes in a batch of the feed, in the order of the log; may see the same one again. */
  readonly onBatch: (batch: RawBatch) => void;
  readonly disorderMs: number;
  readonly wallMs: () => number;
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** Reads batches that are Avro; null where there is no schema registry. */
  readonly avro: AvroEvents | null;
}

const RETRY_MS = 2_000;
/** How far our clock may differ from that of the process that stored the records. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * Reads the feed's last minutes back from the raw topic, and tries until it succeeds: without them ingest must
 * not send. After a long stop they are the last minutes before it. Batches that cannot be read are passed over,
 * and told.
 *
 * @returns Null if the signal came first.
 * @throws {RangeError} What `onBatch` throws: the log belongs to another configuration.
 * @throws {FatalError} If the log holds Avro, and no schema registry is configured.
 */
export async function readBack(kafka: Kafka, options: ReadBackOptions): Promise<ReadBack | null> {
  const { memoryMs, wallMs, signal, log } = options;
  for (let attempt = 1; !signal.aborted; attempt++) {
    try {
      const startedMs = wallMs();
      const first = await readOnce(kafka, options, startedMs - memoryMs - CLOCK_MARGIN_MS);
      const wasAway = first.lastIngestMs > 0 && first.lastIngestMs < startedMs - CLOCK_MARGIN_MS;
      const found = wasAway
        ? await readOnce(kafka, options, first.lastIngestMs - memoryMs - CLOCK_MARGIN_MS)
        : first;
      if (signal.aborted) return null;
      const { highestEpoch, lastIngestMs, batches, unreadable } = found;
      log.info(
        { highestEpoch, lastIngestMs, batches, unreadable: unreadable.length, tookMs: wallMs() - startedMs },
        'read back',
      );
      return { highestEpoch, unreadable };
    } catch (error) {
      if (error instanceof RangeError || error instanceof FatalError) throw error;
      log.warn({ attempt }, `Cannot read back yet, will try again: ${describeError(error)}`);
      await pause(RETRY_MS, signal);
    }
  }
  return null;
}

/** What was read back, beside the batches. */
export interface ReadBack {
  /** 0 if there is none. */
  readonly highestEpoch: number;
  readonly unreadable: readonly Unreadable[];
}

interface Found extends ReadBack {
  readonly lastIngestMs: number;
  readonly batches: number;
}

async function readOnce(kafka: Kafka, options: ReadBackOptions, sinceMs: number): Promise<Found> {
  const { topic, feed, onBatch, disorderMs, signal, log, avro } = options;
  const unreadable = createUnreadableBatches(disorderMs);
  let found = { highestEpoch: 0, lastIngestMs: 0, batches: 0 };
  function take(message: TailMessage, batch: RawBatch | null): void {
    const header = batch ?? unreadable.onUnreadable(message);
    if (header === null || feedOfShard(header.shard) !== feed) return;
    if (batch === null) found = { ...found, highestEpoch: Math.max(found.highestEpoch, header.epoch) };
    else {
      onBatch(batch);
      unreadable.onBatch(batch);
      found = {
        ...found,
        highestEpoch: Math.max(found.highestEpoch, batch.epoch),
        lastIngestMs: Math.max(found.lastIngestMs, batch.ingestTimeMs),
        batches: found.batches + 1,
      };
    }
  }

  await readTopicTail(kafka, topic, {
    sinceMs,
    groupId: `kandle-ingest-${feed}-read-back-${randomUUID()}`,
    onMessage(message) {
      if (message.attributes['type'] !== EVENT_TYPES.rawTrades) return undefined;
      if (isAvroRecord(message.record)) {
        const { record, attributes } = message;
        const reading = parseRecordData(record, avro, (data) => parseRawBatch(attributes, data));
        return reading.then((batch) => take(message, batch));
      }
      take(message, parsed(message));
      return undefined;
    },
    signal,
    log,
  });
  return { ...found, unreadable: unreadable.all(feed) };
}

function parsed({ attributes, value }: TailMessage): RawBatch | null {
  try {
    return parseRawBatch(attributes, JSON.parse(value));
  } catch {
    return null;
  }
}
