import { type RefusedRecord, refusedOf } from '@kandle/market/feed/refused-of';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { describeError } from '@kandle/runtime/errors';
import type { createKafka } from '@kandle/runtime/kafka';
import type { Logger } from '@kandle/runtime/log';
import { readRecords } from '@kandle/runtime/read-records';

/** The refused records of a symbol and a stretch of time, as far as they were read. */
export interface RefusedRecords {
  readonly rejects: readonly RefusedRecord[];
  /** False if Kafka did not answer, or there was more than is read at once. */
  readonly isWhole: boolean;
}

/** Reads the topic of rejects. */
export interface RejectReader {
  /** Never fails: what cannot be read is said to be not whole. */
  read(symbol: string, fromMs: number, toMs: number): Promise<RefusedRecords>;
}

/** Records from the future are refused before their time, by up to this. */
const AHEAD_MS = 20 * 60_000;
const LIMITS = { name: 'kandle-query-rejects', deadlineMs: 5_000, maxRecords: 5_000 };

/** Builds the reader; each reading has a connection of its own, for people ask seldom. */
export function createRejectReader(
  kafka: ReturnType<typeof createKafka>,
  topic: string,
  log: Logger,
): RejectReader {
  return {
    async read(symbol, fromMs, toMs) {
      const rejects = new Map<string, RefusedRecord>();
      const admin = kafka.admin();
      try {
        await admin.connect();
        const [begins, ends] = await Promise.all([
          admin.fetchTopicOffsetsByTimestamp(topic, Math.max(0, fromMs - AHEAD_MS)),
          admin.fetchTopicOffsets(topic),
        ]);
        const endOf = new Map(ends.map(({ partition, high }) => [partition, BigInt(high)]));
        const ranges = begins.map(({ partition, offset }) => ({
          partition,
          from: BigInt(offset),
          to: endOf.get(partition) ?? 0n,
        }));
        const isWhole = await readRecords(kafka, topic, ranges, LIMITS, (_, { headers, value }) => {
          if (headers?.['ce_type']?.toString() !== EVENT_TYPES.rejects) return;
          for (const one of refusedOf(value?.toString() ?? '', { symbol, fromMs, toMs }))
            rejects.set(one.id, one);
        });
        return { rejects: [...rejects.values()], isWhole };
      } catch (error) {
        log.warn({ err: error }, `Cannot read ${topic}: ${describeError(error)}`);
        return { rejects: [...rejects.values()], isWhole: false };
      } finally {
        await admin.disconnect().catch(() => undefined);
      }
    },
  };
}
