import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

/** A record of a topic as an archive keeps it: all that a producer gave, and where and when it stood. */
export interface ArchivedRecord {
  readonly offset: bigint;
  /** The record's own timestamp in Kafka, epoch milliseconds. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
  readonly value: Buffer | null;
}

/** Bytes as people can read them, where they are text; null where there are none. */
const BytesSchema = z.union([z.string(), z.strictObject({ base64: z.base64() }), z.null()]);

const LineSchema = z.strictObject({
  offset: z.string().regex(/^\d{1,19}$/),
  timestamp: z.number().int(),
  key: BytesSchema,
  headers: z.record(z.string(), BytesSchema),
  value: BytesSchema,
});

type Bytes = z.infer<typeof BytesSchema>;

/** A record as one line of JSON, its line end included. */
export function formatRecordLine({ offset, timestampMs, key, headers, value }: ArchivedRecord): string {
  return `${JSON.stringify({
    offset: String(offset),
    timestamp: timestampMs,
    key: textOf(key),
    headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, textOf(bytes)])),
    value: textOf(value),
  })}\n`;
}

/** The record of a line, byte for byte as it was. @throws {z.ZodError | SyntaxError} If it is none. */
export function parseRecordLine(line: string): ArchivedRecord {
  const { offset, timestamp, key, headers, value } = LineSchema.parse(JSON.parse(line));
  return {
    offset: BigInt(offset),
    timestampMs: timestamp,
    key: bytesOf(key),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, bytesOf(text) ?? Buffer.alloc(0)]),
    ),
    value: bytesOf(value),
  };
}

function textOf(bytes: Buffer | null): Bytes {
  if (bytes === null) return null;
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') };
}

function bytesOf(text: Bytes): Buffer | null {
  if (text === null) return null;
  return typeof text === 'string' ? Buffer.from(text, 'utf8') : Buffer.from(text.base64, 'base64');
}
