/** Whose records a raw batch holds. A log never changes the meaning of a name. */
export const FORMAT_NAMES = ['finnhub'] as const;

/** A vendor whose records can be read. */
export type FormatName = (typeof FORMAT_NAMES)[number];
