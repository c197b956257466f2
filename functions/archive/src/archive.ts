import { join } from 'node:path';
import { HOUR_MS, hourName, type Manifest } from '@kandle/runtime/archive/manifest';
import { readArchivedHours } from '@kandle/runtime/archive/read-archive';
import type { ArchivedRecord } from '@kandle/runtime/archive/record-line';
import { FatalError, RetryableError } from '@kandle/runtime/errors';
import { type RecordRange, readRecords } from '@kandle/runtime/read-records';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { type HourRange, openHour } from './hour-writer.ts';

/** What is archived, and where to. */
export interface ArchiveOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  readonly folder: string;
  readonly group: string;
  readonly closeAfterMs: number;
  readonly readMs: number;
  readonly wallMs: () => number;
  /** Called with each hour that is there now. */
  readonly onHour: (name: string, manifest: Manifest) => void;
}

/** A partition of the topic: what the archive wants next, and what Kafka has. */
interface Place {
  readonly partition: number;
  readonly low: bigint;
  readonly high: bigint;
  /** The first offset that is not archived. */
  readonly next: bigint;
}

/**
 * Writes every closed hour of a topic that the archive does not hold yet, oldest first. An hour is whole or not
 * there; one that is there is never touched again.
 *
 * @returns How many hours were written.
 * @throws {RetryableError} If Kafka is away, or another process archives at the same time.
 * @throws {FatalError} If the archive is that of another log.
 */
export async function archiveClosedHours(options: ArchiveOptions): Promise<number> {
  const { kafka, topic, folder, group, wallMs } = options;
  const admin = kafka.admin();
  await admin.connect();
  try {
    const { clusterId: cluster } = await admin.describeCluster();
    const archived = await readArchivedHours(folder, topic);
    const foreign = archived.find(({ manifest }) => manifest.cluster !== cluster);
    if (foreign !== undefined)
      throw new FatalError(
        `Cannot archive: ${foreign.folder} is of another Kafka cluster, ${foreign.manifest.cluster}; take an empty folder`,
      );
    const last = archived.at(-1);
    let newest = last === undefined ? null : { hourMs: last.hourMs, ends: last.manifest.ends };
    let count = 0;
    for (;;) {
      const places = await readPlaces(admin, topic, newest?.ends ?? null);
      const oldestMs = await oldestTimestamp(options, places);
      if (oldestMs === null) break;
      // A clock that was set back brings old times into a new hour: what was written is not touched again.
      const hourMs = Math.max(
        Math.floor(oldestMs / HOUR_MS) * HOUR_MS,
        newest === null ? 0 : newest.hourMs + HOUR_MS,
      );
      const endMs = hourMs + HOUR_MS;
      if (endMs + options.closeAfterMs > wallMs()) break;
      const manifest = await archiveHour(options, { admin, cluster, hourMs, places });
      newest = { hourMs, ends: manifest.ends };
      options.onHour(hourName(hourMs), manifest);
      count += 1;
    }
    if (newest !== null)
      await admin.setOffsets({
        groupId: group,
        topic,
        partitions: newest.ends.map(({ partition, offset }) => ({ partition, offset })),
      });
    return count;
  } finally {
    await admin.disconnect();
  }
}

async function readPlaces(
  admin: Admin,
  topic: string,
  ends: Manifest['ends'] | null,
): Promise<readonly Place[]> {
  const archived = new Map(ends?.map(({ partition, offset }) => [partition, BigInt(offset)]));
  return (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => {
    const next = archived.get(partition) ?? BigInt(low);
    if (next > BigInt(high))
      throw new FatalError(
        `Cannot archive: the archive has partition ${partition} up to ${next}, the topic ends at ${high}: another log; take an empty folder`,
      );
    return { partition, low: BigInt(low), high: BigInt(high), next };
  });
}

/** The first offset that Kafka still has and the archive has not. */
function firstOf({ low, next }: Place): bigint {
  return low > next ? low : next;
}

/** The oldest timestamp among the first records that are not archived; null if all are. */
async function oldestTimestamp(options: ArchiveOptions, places: readonly Place[]): Promise<number | null> {
  const firsts = places
    .filter((place) => firstOf(place) < place.high)
    .map((place) => ({ partition: place.partition, from: firstOf(place), to: firstOf(place) + 1n }));
  let oldestMs: number | null = null;
  await readAll(options, firsts, (_, { timestamp }) => {
    oldestMs = Math.min(oldestMs ?? Number.POSITIVE_INFINITY, Number(timestamp));
  });
  return oldestMs;
}

interface Hour {
  readonly admin: Admin;
  readonly cluster: string;
  readonly hourMs: number;
  readonly places: readonly Place[];
}

async function archiveHour(
  options: ArchiveOptions,
  { admin, cluster, hourMs, places }: Hour,
): Promise<Manifest> {
  const { topic } = options;
  // The first record of each partition that is of a later time; where none is, the partition's end of now.
  const ends = new Map(
    (await admin.fetchTopicOffsetsByTimestamp(topic, hourMs + HOUR_MS)).map(({ partition, offset }) => [
      partition,
      BigInt(offset),
    ]),
  );
  const ranges: HourRange[] = places.map((place) => {
    const from = firstOf(place);
    const end = ends.get(place.partition) ?? from;
    return { partition: place.partition, from, to: end > from ? end : from };
  });
  const filled = ranges.filter(({ from, to }) => from < to);
  const writer = await openHour(join(options.folder, topic), hourMs, filled);
  try {
    await readAll(options, filled, (partition, message) => writer.take(partition, recordOf(message)));
    return await writer.publish({
      topic,
      cluster,
      ends: ranges.map(({ partition, to }) => ({ partition, offset: String(to) })),
      lost: places
        .filter(({ low, next }) => low > next)
        .map(({ partition, low, next }) => ({ partition, from: String(next), to: String(low) })),
    });
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

async function readAll(
  { kafka, topic, readMs, group }: ArchiveOptions,
  ranges: readonly RecordRange[],
  take: (partition: number, message: KafkaMessage) => void,
): Promise<void> {
  const limits = { name: `${group}-reader`, deadlineMs: readMs, maxRecords: Number.MAX_SAFE_INTEGER };
  if (!(await readRecords(kafka, topic, ranges, limits, take)))
    throw new RetryableError(`Cannot archive: ${topic} was not read within ${readMs} ms`);
}

function recordOf({ offset, timestamp, key, value, headers }: KafkaMessage): ArchivedRecord {
  return {
    offset: BigInt(offset),
    timestampMs: Number(timestamp),
    key,
    headers: Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, bytes]) => [name, bytesOf(name, bytes)]),
    ),
    value,
  };
}

/** No part of the pipeline gives a header twice, nor one without a value. */
function bytesOf(name: string, value: unknown): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new FatalError(`Cannot archive: a record has the header ${name} twice, or without a value`);
}
