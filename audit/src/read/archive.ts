import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { TopicEvent } from './raw-batch.ts';
import type { OffsetRange, TopicReader } from './topic-reader.ts';

const Manifest = z.object({
  files: z.array(
    z.object({
      name: z.string(),
      partition: z.number(),
      from: z.string(),
      to: z.string(),
      sha256: z.string(),
    }),
  ),
});

const Text = z.union([z.string(), z.object({ base64: z.string() }), z.null()]);
const Line = z.object({ offset: z.string(), headers: z.record(z.string(), Text), value: Text });

/** A file of the archive: a stretch of one partition. */
interface ArchivedStretch extends OffsetRange {
  readonly path: string;
  readonly sha256: string;
}

/** What an archive holds of a topic, read by the audit's own reading of its files. */
export interface Archive {
  /** The same ranges, each from where the archive goes on into it without a hole. */
  extend(ranges: readonly OffsetRange[]): readonly OffsetRange[];
  /** A reader that takes from the archive what lies before Kafka's own beginning. */
  before(kafka: TopicReader, ranges: readonly OffsetRange[]): TopicReader;
}

/** @throws {RangeError} If there is no such archive. */
export function openArchive(root: string, topic: string): Archive {
  const folder = join(root, topic);
  if (!existsSync(folder)) throw new RangeError(`Cannot audit: there is no archive ${folder}`);
  const stretches = readdirSync(folder)
    .filter((name) => /^\d{4}-\d\d-\d\dT\d\dZ$/.test(name))
    .toSorted()
    .flatMap((hour) => stretchesOf(join(folder, hour)));

  return {
    extend: (ranges) =>
      ranges.map((range) => {
        const ofPartition = stretches.filter(({ partition }) => partition === range.partition);
        let { from } = range;
        // From the newest backwards: what the archive lacks cuts off what is older.
        for (const stretch of ofPartition.toReversed())
          if (stretch.to >= from) from = Math.min(from, stretch.from);
        return { ...range, from };
      }),
    before: (kafka, ranges) => ({
      async read({ partition, from, to }, take) {
        const begin = ranges.find((range) => range.partition === partition)?.from ?? from;
        for (const stretch of stretches) {
          if (stretch.partition !== partition || stretch.to <= from || stretch.from >= Math.min(to, begin))
            continue;
          for (const event of eventsOf(stretch)) {
            if (event.offset >= from && event.offset < Math.min(to, begin)) await take(event);
          }
        }
        if (to > begin) await kafka.read({ partition, from: Math.max(from, begin), to }, take);
      },
      close: () => kafka.close(),
    }),
  };
}

function stretchesOf(hour: string): readonly ArchivedStretch[] {
  const { files } = Manifest.parse(JSON.parse(readFileSync(join(hour, 'manifest.json'), 'utf8')));
  return files.map(({ name, partition, from, to, sha256 }) => ({
    path: join(hour, name),
    partition,
    from: Number(from),
    to: Number(to),
    sha256,
  }));
}

/** A file's events. Its lines are one hour of one partition: they are held at once. */
function* eventsOf({ path, partition, sha256 }: ArchivedStretch): Generator<TopicEvent> {
  const bytes = readFileSync(path);
  if (createHash('sha256').update(bytes).digest('hex') !== sha256)
    throw new RangeError(`Cannot audit: ${path} is not as its manifest says`);
  const lines = gunzipSync(bytes);
  for (let at = 0, end = lines.indexOf(10); end >= 0; at = end + 1, end = lines.indexOf(10, at)) {
    const { offset, headers, value } = Line.parse(JSON.parse(lines.toString('utf8', at, end)));
    const attributes = Object.entries(headers).flatMap(([name, text]) =>
      name.startsWith('ce_') ? [[name.slice(3), bytesOf(text).toString('utf8')] as const] : [],
    );
    yield {
      partition,
      offset: Number(offset),
      attributes: Object.fromEntries(attributes),
      contentType: bytesOf(headers['content-type'] ?? null).toString('utf8'),
      value: bytesOf(value),
    };
  }
}

function bytesOf(text: z.infer<typeof Text>): Buffer {
  if (text === null) return Buffer.alloc(0);
  return typeof text === 'string' ? Buffer.from(text) : Buffer.from(text.base64, 'base64');
}
