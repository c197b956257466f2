import type { FeedFrame } from '../feed-frame.ts';
import type { SampleRecord } from '../sample/sample-record.ts';
import { roundedPrice } from './pricing.ts';

type Json = Readonly<Record<string, unknown>>;

/** What Yahoo answers when it has had too many requests: as a status, and as the text of any answer. */
const TOO_MANY = /^\s*(edge:\s*)?too many requests/i;
/** A crumb is a short text without blanks; an error page is neither. */
const CRUMB = /^[\w.~/\\!+-]{1,64}$/;
/** Quote types whose volume is that of the last 24 hours, which falls as often as it rises. */
const ROLLING: ReadonlySet<unknown> = new Set(['CRYPTOCURRENCY', 'CURRENCY']);
const MAX_SHOWN = 200;

/** True if a text says that Yahoo has had too many requests, whatever its status was. */
export function isTooManyRequests(text: string): boolean {
  return TOO_MANY.test(text);
}

/** The crumb that a text is; null if it is none. "Too Many Requests" never is one. */
export function readCrumb(text: string): string | null {
  const crumb = text.trim();
  return CRUMB.test(crumb) && !isTooManyRequests(crumb) ? crumb : null;
}

/**
 * Reads an answer of Yahoo's `v7/finance/quote` or `v8/finance/chart`; whatever it is, it is an answer. Yahoo
 * documents nothing; the facts are those of yfinance's source (`docs/feeds.md`).
 *
 * Each symbol is a look at its market: the price of the regular session and when it was made, in seconds, and
 * the volume of the day. A chart without them is looked at in its newest bar that has a close.
 */
export function parseYahooAnswer(text: string): FeedFrame {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return { kind: 'bad', detail: `not JSON: ${shown(error instanceof Error ? error.message : error)}` };
  }
  const { quoteResponse, chart, finance, type, event } = objectOf(parsed);
  const answer = quoteResponse ?? chart ?? finance;
  if (answer === undefined) {
    const name = type ?? event;
    return typeof name === 'string'
      ? { kind: 'unknown', type: shown(name) }
      : { kind: 'bad', detail: 'an answer without quotes and without a chart' };
  }
  const { result, error } = objectOf(answer);
  if (error !== undefined && error !== null) return { kind: 'error', message: wordsOf(error) };
  if (!Array.isArray(result)) return { kind: 'bad', detail: 'an answer without a result' };
  const look = quoteResponse === undefined ? lookOfChart : lookOfQuote;
  const entries = result.flatMap((one: unknown) => look(objectOf(one)) ?? []);
  return entries.length === 0 ? { kind: 'ping', passedMs: 0, recvMs: null } : { kind: 'trade', entries };
}

/** A symbol that is not traded any more has no price: nothing to look at. */
function lookOfQuote({ quoteType, ...quote }: Json): SampleRecord | null {
  return quoteType === 'NONE' || quote['regularMarketPrice'] === undefined ? null : lookOf(quote, quoteType);
}

function lookOfChart({ meta, timestamp, indicators }: Json): SampleRecord | null {
  const { instrumentType, ...facts } = objectOf(meta);
  if (facts['regularMarketPrice'] !== undefined && facts['regularMarketTime'] !== undefined)
    return lookOf(facts, instrumentType);
  const { quote } = objectOf(indicators);
  const { close } = objectOf(Array.isArray(quote) ? quote[0] : undefined);
  if (!Array.isArray(close) || !Array.isArray(timestamp)) return null;
  const newest = close.findLastIndex((price: unknown) => price !== null && price !== undefined);
  if (newest < 0) return null;
  const bar = { ...facts, regularMarketPrice: close[newest], regularMarketTime: timestamp[newest] };
  return lookOf({ ...bar, regularMarketVolume: null }, instrumentType);
}

function lookOf(facts: Json, quoteType: unknown): SampleRecord {
  const {
    symbol,
    regularMarketPrice: price,
    regularMarketTime: seconds,
    regularMarketVolume: volume,
  } = facts;
  return {
    s: symbol ?? null,
    p: typeof price === 'number' ? exactPrice(price, facts['priceHint']) : (price ?? null),
    t: typeof seconds === 'number' ? seconds * 1_000 : (seconds ?? null),
    dv: ROLLING.has(quoteType) ? null : (volume ?? null),
  };
}

/** Many prices are 32-bit floats written with all their digits: 189.83999633789062 was 189.84. */
function exactPrice(price: number, hint: unknown): number {
  return Math.fround(price) === price ? roundedPrice(price, typeof hint === 'number' ? hint : null) : price;
}

function wordsOf(error: unknown): string {
  const { code, description } = objectOf(error);
  const words = [code, description].filter((word) => typeof word === 'string' && word !== '');
  return words.length === 0 ? 'an error without a word' : shown(words.join(': '));
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function shown(value: unknown): string {
  return String(value).slice(0, MAX_SHOWN);
}
