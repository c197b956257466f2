import type { Instrument } from '@kandle/market/instrument/instrument';
import { INSTRUMENT_COLUMNS } from '@kandle/market/view/columns';
import { z } from 'zod';

/**
 * An insert that changes the row that is there, and takes it for unpublished: the end of the statement after
 * its values.
 */
export const ON_CONFLICT = `ON CONFLICT (feed, ticker, valid_from) DO UPDATE SET published = false, ${INSTRUMENT_COLUMNS.slice(
  3,
)
  .map((name) => `${name} = excluded.${name}`)
  .join(', ')}`;

/** A row's values by column; times are epoch milliseconds. */
export type Row = Readonly<Record<(typeof INSTRUMENT_COLUMNS)[number], string | number | null>>;

/** The row of an instrument. */
export function toRow({ validFromMs, validToMs, changedAtMs, ...rest }: Instrument): Row {
  return { ...rest, valid_from: validFromMs, valid_to: validToMs, changed_at: changedAtMs };
}

/** A time: epoch milliseconds in SQLite, a `Date` in PostgreSQL. */
const time = z.union([z.number(), z.date().transform((date) => date.getTime())]);

const InstrumentRowSchema = z
  .object({
    feed: z.string(),
    ticker: z.string(),
    valid_from: time,
    valid_to: time.nullable(),
    list: z.string(),
    id: z.string(),
    market: z.string(),
    currency: z.string(),
    type: z.string(),
    description: z.string(),
    figi: z.string(),
    isin: z.string(),
    status: z.enum(['active', 'inactive']),
    absences: z.number(),
    changed_at: time,
  })
  .transform(
    ({ valid_from: validFromMs, valid_to: validToMs, changed_at: changedAtMs, ...rest }): Instrument => ({
      ...rest,
      validFromMs,
      validToMs,
      changedAtMs,
    }),
  );

const OutcomeRowSchema = z
  .object({
    feed: z.string(),
    list: z.string(),
    tried_at: time,
    taken_at: time.nullable(),
    refusal: z.string(),
    active: z.number(),
  })
  .transform(({ tried_at: triedAtMs, taken_at: takenAtMs, ...rest }) => ({ ...rest, triedAtMs, takenAtMs }));

/** The instruments of rows that were read. @throws {z.ZodError} If one is none. */
export const parseInstruments = (rows: readonly unknown[]) => z.array(InstrumentRowSchema).parse(rows);
/** The outcomes of rows that were read. @throws {z.ZodError} If one is none. */
export const parseOutcomes = (rows: readonly unknown[]) => z.array(OutcomeRowSchema).parse(rows);
