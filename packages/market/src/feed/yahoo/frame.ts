import type { FeedFrame } from '../feed-frame.ts';
import type { SampleRecord } from '../sample/sample-record.ts';
import { decodePricing, QUOTE_TYPES, roundedPrice, type YahooPricing } from './pricing.ts';

/** Longest message that is decoded, characters of base64: twenty times a real one. */
const MAX_MESSAGE = 16_384;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const MAX_SHOWN = 200;

/**
 * Reads a text frame of Yahoo's stream, `{"type":"pricing","message":<base64>}`, or the base64 alone, as
 * servers without `?version=2` send it. Whatever it is, it is an answer. Yahoo documents nothing; the facts are
 * those of yfinance's source and of measurements (`docs/feeds.md`).
 */
export function parseYahooFrame(text: string): FeedFrame {
  if (!text.startsWith('{')) return parseMessage(text);
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    return { kind: 'bad', detail: `not JSON: ${messageOf(error)}` };
  }
  const { type, message }: { readonly type?: unknown; readonly message?: unknown } = Object(frame);
  if (type === 'pricing') return parseMessage(message);
  return typeof type === 'string'
    ? { kind: 'unknown', type: type.slice(0, MAX_SHOWN) }
    : { kind: 'bad', detail: 'frame without a type' };
}

function parseMessage(message: unknown): FeedFrame {
  if (typeof message !== 'string' || message.length > MAX_MESSAGE || !BASE64.test(message))
    return { kind: 'bad', detail: 'message is no base64 text of a sensible length' };
  let pricing: YahooPricing;
  try {
    pricing = decodePricing(Buffer.from(message, 'base64'));
  } catch (error) {
    return { kind: 'bad', detail: `message is no PricingData: ${messageOf(error)}` };
  }
  if (pricing.quoteType === QUOTE_TYPES.heartbeat) return { kind: 'ping', passedMs: 0, recvMs: null };
  return { kind: 'trade', entries: [sampleOf(pricing)] };
}

function sampleOf({ id, price, timeMs, quoteType, dayVolume, priceHint }: YahooPricing): SampleRecord {
  // Of coins it is the volume of the last 24 hours in another currency, which falls as often as it rises.
  const isRolling = quoteType === QUOTE_TYPES.cryptocurrency || quoteType === QUOTE_TYPES.currency;
  return {
    s: id,
    p: price === null ? null : roundedPrice(price, priceHint),
    t: timeMs,
    dv: isRolling ? null : dayVolume,
  };
}

function messageOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, MAX_SHOWN);
}
