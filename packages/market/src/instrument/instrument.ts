/** What a vendor's list says of a ticker. A field that it does not tell is an empty text. */
export interface Listing {
  readonly ticker: string;
  /** Where it is traded: a market's code (`XNAS`) or an exchange's name. */
  readonly market: string;
  /** ISO 4217, or the quote of a pair. */
  readonly currency: string;
  readonly type: string;
  readonly description: string;
  readonly figi: string;
  readonly isin: string;
}

/**
 * An instrument under one ticker of one feed, while it has it: `[validFromMs, validToMs)`. The same ticker used
 * again by another company is another instrument, and another of these.
 */
export interface Instrument extends Listing {
  readonly feed: string;
  /** The list that it came in: `stocks:US`. */
  readonly list: string;
  /** The same for the instrument whatever its ticker: its FIGI, its ISIN, or ticker and first day of it. */
  readonly id: string;
  readonly validFromMs: number;
  /** Null while it has the ticker. */
  readonly validToMs: number | null;
  readonly status: 'active' | 'inactive';
  /** Refreshes in a row whose list did not have it. */
  readonly absences: number;
  /** Since when all this is known: later with every change, even where a clock went back. */
  readonly changedAtMs: number;
}

/** How the newest refresh of a list ended. */
export interface ListOutcome {
  readonly feed: string;
  readonly list: string;
  /** When it was tried. */
  readonly triedAtMs: number;
  /** When a list was last taken; null if none ever was. */
  readonly takenAtMs: number | null;
  /** Why the newest was refused; an empty text if it was taken. */
  readonly refusal: string;
  /** Instruments of the list that are active. */
  readonly active: number;
}

/** Absent from as many lists in a row, an instrument is inactive: one list may be wrong. */
export const ABSENCES_OF_INACTIVE = 2;

/**
 * True if a ticker still means the same instrument: by FIGI, else by ISIN, else, where it was listed all the
 * time, by the ticker. One that comes back after it was inactive is the same only under the same description.
 */
export function isSameInstrument(known: Instrument, listed: Listing): boolean {
  if (known.figi !== '' && listed.figi !== '') return known.figi === listed.figi;
  if (known.isin !== '' && listed.isin !== '') return known.isin === listed.isin;
  return known.status === 'active' || known.description === listed.description;
}

/** What an instrument is called by, whatever its ticker. */
export function instrumentIdOf({ figi, isin, ticker }: Listing, validFromMs: number): string {
  if (figi !== '') return `figi:${figi}`;
  if (isin !== '') return `isin:${isin}`;
  return `ticker:${ticker}@${new Date(validFromMs).toISOString().slice(0, 10)}`;
}
