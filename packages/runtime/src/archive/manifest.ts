import { z } from 'zod';

/** How long a folder of the archive is. */
export const HOUR_MS = 3_600_000;
/** The file that says what is in a folder. */
export const MANIFEST_FILE = 'manifest.json';

const offset = z.string().regex(/^\d{1,19}$/);
const count = z.number().int().min(0);

const FileSchema = z.strictObject({
  name: z.string().regex(/^partition-\d+\.ndjson\.gz$/),
  partition: count,
  /** The first offset in it. */
  from: offset,
  /** The first offset that is not in it any more. */
  to: offset,
  records: count,
  /** Of the file as it lies there. */
  bytes: count,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * What an hour's folder holds. Each partition goes on where the hour before ended, so that the hours together
 * have every record once, whatever the clocks of their writers did.
 */
export const ManifestSchema = z.strictObject({
  version: z.literal(1),
  topic: z.string().min(1),
  /** Id of the Kafka cluster: offsets of another one mean other records. */
  cluster: z.string().min(1),
  /** Where every partition stands at the end of this hour, whether it has a file here or not. */
  ends: z.array(z.strictObject({ partition: count, offset })),
  files: z.array(FileSchema),
  /** What Kafka's retention had removed before it could be archived. */
  lost: z.array(z.strictObject({ partition: count, from: offset, to: offset })),
  records: count,
});

/** What an hour's folder holds. */
export type Manifest = z.infer<typeof ManifestSchema>;
/** A file of an hour: one partition's records, in order. */
export type ArchiveFile = Manifest['files'][number];

/** The name of the folder of an hour: `2026-11-29T10Z`. */
export function hourName(hourMs: number): string {
  return `${new Date(hourMs).toISOString().slice(0, 13)}Z`;
}

/** The beginning of the hour that a folder is named by; null if it is none's. */
export function hourOfName(name: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}Z$/.test(name)) return null;
  const hourMs = Date.parse(`${name.slice(0, 13)}:00:00Z`);
  return Number.isNaN(hourMs) ? null : hourMs;
}
