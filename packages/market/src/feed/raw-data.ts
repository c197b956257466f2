import { type CountingRules, isCountingRules } from '../trade/counting-rules.ts';
import { FORMAT_NAMES, type FormatName } from './format-name.ts';

/** A feed's record as it came, with the id that ingest gave it: only the connection knows which one it is. */
export interface RawRecord {
  readonly id: string;
  readonly record: Readonly<Record<string, unknown>>;
  /** How far its symbol is behind its shard, if it was recognised as delayed. */
  readonly delayMs?: number | undefined;
}

/** What the data of a raw batch's event are. */
export interface RawData {
  /** Whose records they are; absent, they are Finnhub's. */
  readonly format?: FormatName | undefined;
  /**
   * By which rules they count, so that every replay, redrive and audit counts them alike. Absent in batches of
   * before 2026-11-29 and of feeds that sample: every condition counts for everything, and a price update for
   * nothing.
   */
  readonly rules?: CountingRules | undefined;
  readonly records: readonly RawRecord[];
}

/** Upper bound of records in a batch; ingest makes far smaller ones. */
export const MAX_RECORDS = 10_000;
/** Longest id of a record, characters. */
export const MAX_ID_LENGTH = 128;

/**
 * The data of a raw batch, if they are nothing else; null if a schema has to say what is wrong.
 *
 * Written by hand because it looks at every record: the schema in `raw-batch.ts` makes each one anew, field by
 * field. It is what this agrees with (`raw-data.test.ts`), and what refuses.
 */
export function readRawData(data: unknown): RawData | null {
  if (typeof data !== 'object' || data === null) return null;
  const { format, rules, records } = data as Readonly<Record<string, unknown>>;
  if (format !== undefined && !isFormatName(format)) return null;
  if (rules !== undefined && !isCountingRules(rules)) return null;
  if (!Array.isArray(records) || records.length > MAX_RECORDS || !records.every(isRawRecord)) return null;
  return {
    ...(format === undefined ? {} : { format }),
    ...(rules === undefined ? {} : { rules }),
    records,
  };
}

function isFormatName(value: unknown): value is FormatName {
  return FORMAT_NAMES.some((name) => name === value);
}

function isRawRecord(value: unknown): value is RawRecord {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  // What else it may have is nobody's business, and goes no further than to the judge.
  const { id, record, delayMs } = value as Readonly<Record<string, unknown>>;
  return (
    typeof id === 'string' &&
    id.length > 0 &&
    id.length <= MAX_ID_LENGTH &&
    typeof record === 'object' &&
    record !== null &&
    !Array.isArray(record) &&
    (delayMs === undefined || (Number.isSafeInteger(delayMs) && Number(delayMs) >= 0))
  );
}
