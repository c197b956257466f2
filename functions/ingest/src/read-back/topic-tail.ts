import { RetryableError } from '@kandle/runtime/errors';
import { withDeadline } from '@kandle/runtime/deadline';
import { pause } from '../pause.ts';
import { type Kafka, type OffsetRange, readOffsetRanges, type TailOptions } from './offset-range-consumer.ts';

/**
 * After a long stop the last minutes are empty; the last windows before it may still wait for their closing
 * batch.
 */
const TAIL_RECORDS = 1_000;
const OFFSETS_DEADLINE_MS = 30_000;
/** A broker that has just started loads its groups first: the client takes that for a crash. */
const START_ATTEMPTS = 40;
const START_PAUSE_MS = 250;
const CLEAN_UP_DEADLINE_MS = 5_000;

/**
 * Reads a topic from some time ago to its end as it is now, each partition in order.
 *
 * @returns Number of records read.
 * @throws {RetryableError} If the broker is away or stops answering; what `onMessage` throws.
 */
export async function readTopicTail(kafka: Kafka, topic: string, options: TailOptions): Promise<number> {
  const admin = kafka.admin();
  try {
    await withDeadline(admin.connect(), OFFSETS_DEADLINE_MS, 'no connection to Kafka');
    const ranges = await withDeadline(
      rangesOf(admin, topic, options.sinceMs),
      OFFSETS_DEADLINE_MS,
      `no offsets of ${topic}`,
    );
    if (ranges.length === 0) return 0;
    let read = await readOffsetRanges(kafka, topic, ranges, options);
    for (let attempt = 1; read === null; attempt++) {
      if (attempt >= START_ATTEMPTS)
        throw new RetryableError(`Cannot read ${topic}: no coordinator of groups`);
      await pause(START_PAUSE_MS, options.signal);
      read = await readOffsetRanges(kafka, topic, ranges, options);
    }
    // A group left behind would only expire later.
    await withDeadline(
      admin.deleteGroups([options.groupId]),
      CLEAN_UP_DEADLINE_MS,
      'group not deleted',
    ).catch(() => undefined);
    return read;
  } finally {
    await withDeadline(admin.disconnect(), CLEAN_UP_DEADLINE_MS, 'no end').catch(() => undefined);
  }
}

async function rangesOf(
  admin: ReturnType<Kafka['admin']>,
  topic: string,
  sinceMs: number,
): Promise<OffsetRange[]> {
  const [bounds, since] = [
    await admin.fetchTopicOffsets(topic),
    await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs),
  ];
  const sinceOf = new Map(since.map(({ partition, offset }) => [partition, Number(offset)]));
  return bounds
    .map(({ partition, low, high }) => {
      const to = Number(high);
      const recent = Math.min(sinceOf.get(partition) ?? to, to - TAIL_RECORDS);
      return { partition, from: Math.max(Number(low), recent), to };
    })
    .filter(({ from, to }) => from < to);
}
