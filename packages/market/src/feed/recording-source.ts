import { z } from 'zod';
import { GENERATED_BARS, type NdjsonMapping, NdjsonMappingSchema } from './ndjson/mapping.ts';
import { type Vendor, VENDORS } from './vendor.ts';

/** Whose frames a recording holds. */
export interface RecordingSource {
  readonly vendor: Vendor;
  /** How those of a feed of JSON lines are read. */
  readonly mapping: NdjsonMapping;
}

const SourceLineSchema = z.object({
  recording: z.object({ vendor: z.enum(VENDORS), mapping: NdjsonMappingSchema.optional() }),
});

/** The source of a vendor that needs no mapping. */
export function sourceOfVendor(vendor: Vendor): RecordingSource {
  return { vendor, mapping: GENERATED_BARS };
}

/** The first line of a recording: `{"recording":{"vendor":…}}`. */
export function formatSourceLine({ vendor, mapping }: RecordingSource): string {
  return JSON.stringify({ recording: { vendor, ...(vendor === 'ndjson' ? { mapping } : {}) } });
}

/** Reads such a line; null if it is none. */
export function readSourceLine(line: string): RecordingSource | null {
  if (!/^\s*\{\s*"recording"\s*:/.test(line)) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return null;
  }
  const { data } = SourceLineSchema.safeParse(parsed);
  return data === undefined
    ? null
    : { vendor: data.recording.vendor, mapping: data.recording.mapping ?? GENERATED_BARS };
}
