/**
 * How the records of a raw batch are to be read: as Finnhub's, as trades that were mapped from JSON lines, or
 * as samples, of whichever vendor. A log never changes the meaning of a name.
 */
export const FORMAT_NAMES = ['finnhub', 'trades', 'samples'] as const;

/** A form of records that can be read. */
export type FormatName = (typeof FORMAT_NAMES)[number];
