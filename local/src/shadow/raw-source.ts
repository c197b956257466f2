import { readArchivedHours, readArchiveFile } from '@kandle/runtime/archive/read-archive';
import { RetryableError } from '@kandle/runtime/errors';
import { readRecords } from '@kandle/runtime/read-records';
import type { Kafka } from 'kafkajs';

/** A record of the raw topic, as it is played. */
export interface PlayedRecord {
  readonly partition: number;
  readonly key: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly value: Buffer | null;
}

/** Where the raw topic is read. */
export interface RawSource {
  readonly kafka: Kafka;
  readonly topic: string;
  /** For what Kafka no longer has; null for none. */
  readonly archiveFolder: string | null;
}

/** What was read: how many partitions there are, and of which the log no longer has its beginning. */
export interface RawReading {
  readonly partitions: number;
  readonly cutPartitions: readonly number[];
}

const READ_MS = 6 * 3_600_000;

/**
 * Hands every record of the raw topic, each partition in order, to `take`: those that Kafka has up to now, and
 * before them what an archive has.
 *
 * @throws {RetryableError} If Kafka is away. @throws {FatalError} If a file of the archive is damaged.
 */
export async function readRaw(
  { kafka, topic, archiveFolder }: RawSource,
  begin: (reading: RawReading) => Promise<void>,
  take: (record: PlayedRecord) => Promise<void>,
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const bounds = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const lows = new Map(bounds.map(({ partition, low }) => [partition, BigInt(low)]));
  const hours = archiveFolder === null ? [] : await readArchivedHours(archiveFolder, topic);
  const files = hours.flatMap((hour) => hour.manifest.files.map((file) => ({ hour, file })));
  // Where it is whole from: the archive goes on without a hole into what Kafka has.
  const firsts = new Map(lows);
  for (const { file } of files.toReversed()) {
    const first = firsts.get(file.partition);
    if (first !== undefined && BigInt(file.to) >= first && BigInt(file.from) < first)
      firsts.set(file.partition, BigInt(file.from));
  }
  await begin({
    partitions: bounds.length,
    cutPartitions: [...firsts].filter(([, first]) => first > 0n).map(([partition]) => partition),
  });
  for (const { hour, file } of files) {
    const low = lows.get(file.partition) ?? 0n;
    const first = firsts.get(file.partition) ?? low;
    if (BigInt(file.from) >= low || BigInt(file.to) <= first) continue;
    for await (const record of readArchiveFile(hour, file))
      if (record.offset >= first && record.offset < low) await take({ partition: file.partition, ...record });
  }
  const ranges = bounds.map(({ partition, low, high }) => ({
    partition,
    from: BigInt(low),
    to: BigInt(high),
  }));
  const limits = { name: 'kandle-shadow-reader', deadlineMs: READ_MS, maxRecords: Number.MAX_SAFE_INTEGER };
  const isWhole = await readRecords(kafka, topic, ranges, limits, (partition, { key, value, headers }) => {
    const plain = Object.entries(headers ?? {}).flatMap(([name, bytes]) =>
      Buffer.isBuffer(bytes) ? [[name, bytes] as const] : [],
    );
    return take({ partition, key, value, headers: Object.fromEntries(plain) });
  });
  if (!isWhole) throw new RetryableError(`Cannot play ${topic}: it was not read within ${READ_MS} ms`);
}
