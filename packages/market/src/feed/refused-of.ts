import { z } from 'zod';
import { FORMAT_NAMES } from './format-name.ts';
import { recordFormat } from './formats.ts';

/** A refused record, as a person is told of it. */
export interface RefusedRecord {
  readonly id: string;
  readonly reason: string;
  readonly detail: string;
  /** As the vendor sent it. */
  readonly record: Readonly<Record<string, unknown>>;
}

const RejectsSchema = z.object({
  rejects: z.array(
    z.object({
      id: z.string(),
      reason: z.string(),
      detail: z.string().default(''),
      record: z.unknown(),
      format: z.enum(FORMAT_NAMES).optional(),
    }),
  ),
});
const RecordSchema = z.record(z.string(), z.unknown());

/** Whose records are meant, and of which times: `fromMs` included, `toMs` not. */
export interface Stretch {
  readonly symbol: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * The refused records of an event of `market.rejects.v1` that name a symbol and a time within a stretch.
 *
 * What names neither, such as a frame that could not be read, belongs to none; an event that cannot be read has
 * none.
 *
 * @param text The event's data, as JSON.
 */
export function refusedOf(text: string, { symbol, fromMs, toMs }: Stretch): readonly RefusedRecord[] {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return [];
  }
  return (RejectsSchema.safeParse(data).data?.rejects ?? []).flatMap(({ format, record: given, ...rest }) => {
    const record = RecordSchema.safeParse(given).data;
    if (record === undefined) return [];
    const seen = recordFormat(format).seeTrade(record);
    const timeMs = typeof seen.eventTimeMs === 'number' ? seen.eventTimeMs : Number.NaN;
    return seen.symbol === symbol && timeMs >= fromMs && timeMs < toMs ? [{ ...rest, record }] : [];
  });
}
