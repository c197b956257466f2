import { parseFinnhubFrame } from './finnhub/frame.ts';
import type { FeedFrame } from './feed-frame.ts';
import { parseNdjsonLine } from './ndjson/frame.ts';
import type { NdjsonMapping } from './ndjson/mapping.ts';
import { parseTwelveDataFrame } from './twelvedata/frame.ts';
import { parseYahooFrame } from './yahoo/frame.ts';
import { parseYahooAnswer } from './yahoo/poll.ts';

/** Whose protocols are spoken. */
export const VENDORS = ['finnhub', 'twelvedata', 'yahoo', 'yahoo-poll', 'ndjson'] as const;

/** Whose protocol a feed speaks. */
export type Vendor = (typeof VENDORS)[number];

/** Reads the text of a frame; whatever it is, it is an answer. */
export type ReadFrame = (text: string) => FeedFrame;

/**
 * How the frames of a vendor are read.
 *
 * @param mapping Of a feed of JSON lines.
 */
export function frameReader(vendor: Vendor, mapping: NdjsonMapping): ReadFrame {
  if (vendor === 'ndjson') return (text) => parseNdjsonLine(text, mapping);
  return READERS[vendor];
}

const READERS: Readonly<Record<Exclude<Vendor, 'ndjson'>, ReadFrame>> = {
  finnhub: parseFinnhubFrame,
  twelvedata: parseTwelveDataFrame,
  yahoo: parseYahooFrame,
  'yahoo-poll': parseYahooAnswer,
};

/** Whose frame a text looks like; null if it could be anybody's. */
export function vendorOfFrame(text: string): Vendor | null {
  if (/^\s*\{\s*"(quoteResponse|chart)"\s*:/.test(text)) return 'yahoo-poll';
  if (/^\s*\{\s*"event"\s*:\s*"(price|subscribe-status|heartbeat)"/.test(text)) return 'twelvedata';
  if (/^\s*\{\s*"type"\s*:\s*"pricing"/.test(text)) return 'yahoo';
  return null;
}
