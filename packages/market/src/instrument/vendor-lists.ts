import { z } from 'zod';
import { readSymbol } from '../event/symbol.ts';
import type { Listing } from './instrument.ts';

/** A vendor's list as it was understood. */
export interface VendorList {
  readonly listings: readonly Listing[];
  /** Entries that name no ticker. */
  readonly unreadable: number;
}

const text = z
  .string()
  .trim()
  .max(500)
  .nullish()
  .transform((value) => value ?? '')
  .catch('');

const FinnhubEntrySchema = z.object({
  symbol: z.string(),
  displaySymbol: text,
  description: text,
  currency: text,
  type: text,
  mic: text,
  figi: text,
  isin: text,
});

const TwelveDataEntrySchema = z.object({
  symbol: z.string(),
  name: text,
  currency: text,
  currency_base: text,
  currency_quote: text,
  exchange: text,
  mic_code: text,
  type: text,
  figi_code: text,
  isin: text,
});

/** Twelve Data hides identifiers behind this text where the plan does not pay for them. */
const NOT_PAID_FOR = /^request_access_via/i;

/** What a list of pairs holds. */
export type ListKind = 'stocks' | 'crypto' | 'forex';

/**
 * Reads an answer of Finnhub's `/stock/symbol`, `/crypto/symbol` or `/forex/symbol`. The two of pairs tell no
 * currency: it is the second half of the name that is shown, `BTC/USDT`.
 *
 * @throws {RangeError} If it is no list.
 */
export function parseFinnhubList(kind: ListKind, answer: unknown): VendorList {
  return readEntries('Finnhub', answer, FinnhubEntrySchema, (entry) => {
    const [exchange = '', pair] = entry.symbol.split(':', 2);
    const [, quote = ''] = entry.displaySymbol.split('/', 2);
    return {
      market: entry.mic || (pair === undefined ? '' : exchange),
      currency: entry.currency || quote,
      type: entry.type || kind,
      description: entry.description,
      figi: entry.figi,
      isin: entry.isin,
    };
  });
}

/**
 * Reads an answer of Twelve Data's `/stocks`, `/cryptocurrencies` or `/forex_pairs`. Its names of pairs are
 * words, so the currency is the second half of the symbol.
 *
 * @throws {RangeError} If it is no list: an error of theirs may come with status 200.
 */
export function parseTwelveDataList(kind: ListKind, answer: unknown): VendorList {
  const { data } = z.object({ data: z.unknown() }).catch({ data: null }).parse(answer);
  return readEntries('Twelve Data', data, TwelveDataEntrySchema, (entry) => {
    const [, quote = ''] = entry.symbol.split('/', 2);
    return {
      market: entry.mic_code || entry.exchange,
      currency: entry.currency || quote,
      type: entry.type || kind,
      description: entry.name || [entry.currency_base, entry.currency_quote].filter(Boolean).join(' / '),
      figi: paidFor(entry.figi_code),
      isin: paidFor(entry.isin),
    };
  });
}

function paidFor(identifier: string): string {
  return NOT_PAID_FOR.test(identifier) ? '' : identifier;
}

function readEntries<Entry extends { readonly symbol: string }>(
  vendor: string,
  entries: unknown,
  schema: z.ZodType<Entry>,
  toListing: (entry: Entry) => Omit<Listing, 'ticker'>,
): VendorList {
  if (!Array.isArray(entries)) throw new RangeError(`the answer of ${vendor} is no list`);
  const listings = entries.flatMap((one: unknown): readonly Listing[] => {
    const entry = schema.safeParse(one);
    const ticker = entry.success ? readSymbol(entry.data.symbol) : null;
    return entry.success && ticker !== null ? [{ ticker, ...toListing(entry.data) }] : [];
  });
  return { listings, unreadable: entries.length - listings.length };
}
