import { z } from 'zod';
import type { MarketEvent } from '../event/market-event.ts';
import { FEED_NAME } from '../event/shard.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import type { Instrument, ListOutcome } from './instrument.ts';

const timeMs = z.number().int().min(0);
const feed = z.string().regex(FEED_NAME, 'expected the name of a feed');
const list = z.string().min(1).max(80);
/** Lists are read from vendors: what they call things has no other bounds. */
const words = z.string().max(500);

/** The data of an instrument. */
export const InstrumentSchema: z.ZodType<Instrument> = z
  .object({
    feed,
    list,
    id: z.string().min(1).max(520),
    ticker: z.string().refine(isSymbol, 'expected a symbol'),
    market: words,
    currency: words,
    type: words,
    description: words,
    figi: words,
    isin: words,
    validFromMs: timeMs,
    validToMs: timeMs.nullable(),
    status: z.enum(['active', 'inactive']),
    absences: z.number().int().min(0),
    changedAtMs: timeMs,
  })
  .refine(({ validFromMs, validToMs }) => (validToMs ?? validFromMs) >= validFromMs, {
    message: 'it ends before it begins',
    path: ['validToMs'],
  });

/** The data of how a refresh ended. */
export const ListOutcomeSchema: z.ZodType<ListOutcome> = z.object({
  feed,
  list,
  triedAtMs: timeMs,
  takenAtMs: timeMs.nullable(),
  refusal: z.string().max(1_000),
  active: z.number().int().min(0),
});

/**
 * The event of an instrument as it is now, for `market.instruments.v1`. Its key is the instrument's time under
 * a ticker, so that compaction keeps the newest of each, and those that are over.
 */
export function formatInstrument(instrument: Instrument): MarketEvent {
  const { feed: of, ticker, validFromMs, changedAtMs } = instrument;
  const key = `${of}/${encodeURIComponent(ticker)}/${validFromMs}`;
  return eventOf(instrument, EVENT_TYPES.instrument, key, changedAtMs);
}

/** @throws {z.ZodError} If the data is no instrument. */
export function parseInstrument(data: unknown): Instrument {
  return InstrumentSchema.parse(data);
}

/** The event of how a list's newest refresh ended, for `market.instruments.v1`; its key is the list. */
export function formatListOutcome(outcome: ListOutcome): MarketEvent {
  const key = `${outcome.feed}/${encodeURIComponent(outcome.list)}`;
  return eventOf(outcome, EVENT_TYPES.instrumentList, key, outcome.triedAtMs);
}

/** @throws {z.ZodError} If the data is no outcome of a list. */
export function parseListOutcome(data: unknown): ListOutcome {
  return ListOutcomeSchema.parse(data);
}

function eventOf(
  data: Instrument | ListOutcome,
  type: MarketEvent['type'],
  key: string,
  asOfMs: number,
): MarketEvent {
  return {
    id: `${key}@${asOfMs}`,
    source: `/feeds/${data.feed}`,
    type,
    key,
    extensions: { partitionkey: key },
    data,
  };
}
