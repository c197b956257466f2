import { feedOfShard } from '@kandle/market/shard';
import { EVENT_TYPES } from '@kandle/market/topics';
import { parseRawBatch, type RawBatch } from '@kandle/market/raw-batch';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { type Kafka, readTopicTail, type TailMessage } from './topic-tail.ts';
import { pause } from './pause.ts';

/** What is read back, and who takes it in. */
export interface ReadBackOptions {
  readonly topic: string;
  readonly feed: string;
  /** How far back, by the time at which the broker stored a record. */
  readonly memoryMs: number;
  /** Takes in a batch of the feed, in the order of the log; may see the same one again. */
  readonly onBatch: (batch: RawBatch) => void;
  readonly nowMs: () => number;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const RETRY_MS = 2_000;
/** How far our clock may differ from that of the process that stored the records. */
const CLOCK_MARGIN_MS = 60_000;

/**
 * Reads the feed's last minutes back from the raw topic, and tries until it succeeds: without them ingest must not
 * send. Batches that cannot be read are counted and passed over.
 *
 * @returns The highest epoch found, 0 if there is none; null if the signal came first.
 * @throws {RangeError} What `onBatch` throws: the log belongs to another configuration.
 */
export async function readBack(kafka: Kafka, options: ReadBackOptions): Promise<number | null> {
  const { topic, feed, memoryMs, onBatch, nowMs, signal, log } = options;
  for (let attempt = 1; !signal.aborted; attempt++) {
    let highestEpoch = 0;
    let batches = 0;
    let unread = 0;
    const take = (message: TailMessage): void => {
      if (message.attributes['type'] !== EVENT_TYPES.rawTrades) return;
      const batch = parsed(message);
      if (batch === null) unread += 1;
      else if (feedOfShard(batch.shard) === feed) {
        onBatch(batch);
        batches += 1;
        highestEpoch = Math.max(highestEpoch, batch.epoch);
      }
    };
    const startedMs = nowMs();
    try {
      const messages = await readTopicTail(kafka, topic, {
        sinceMs: startedMs - memoryMs - CLOCK_MARGIN_MS,
        groupId: `kandle-ingest-${feed}-read-back-${startedMs.toString(36)}-${attempt}`,
        onMessage: take,
        signal,
        log,
      });
      if (signal.aborted) return null;
      log.info({ messages, batches, unread, tookMs: nowMs() - startedMs }, 'read back');
      return highestEpoch;
    } catch (error) {
      if (error instanceof RangeError) throw error;
      log.warn({ attempt }, `Cannot read back yet, will try again: ${describeError(error)}`);
      await pause(RETRY_MS, signal);
    }
  }
  return null;
}

function parsed({ attributes, value }: TailMessage): RawBatch | null {
  try {
    return parseRawBatch(attributes, JSON.parse(value));
  } catch {
    return null;
  }
}
