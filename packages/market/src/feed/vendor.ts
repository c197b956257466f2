/** Whose protocols are spoken. */
export const VENDORS = ['finnhub', 'twelvedata', 'yahoo', 'yahoo-poll', 'ndjson'] as const;

/** Whose protocol a feed speaks. */
export type Vendor = (typeof VENDORS)[number];
