import { isEventTime } from '../../event/event-time.ts';
import type { FeedFrame } from '../feed-frame.ts';
import type { EventSpan } from '../outage.ts';
import type { SampleRecord } from '../sample/sample-record.ts';
import type { RefusedSymbol } from '../subscriptions.ts';

const MAX_SHOWN = 200;
/** Most refusals of one answer that are read: Twelve Data takes no request with more symbols. */
const MAX_FAILS = 10_000;
const SIGN_OF_LIFE: FeedFrame = { kind: 'ping', passedMs: 0, recvMs: null };

/**
 * Reads a text frame of Twelve Data's WebSocket; whatever it is, it is an answer. Source: Twelve Data's
 * documentation and official client, and frames that users captured (`docs/feeds.md`).
 *
 * A `price` is a look at the market, no trade: it has no size, its time is in whole seconds, and `day_volume`
 * is the day's so far.
 */
export function parseTwelveDataFrame(text: string): FeedFrame {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'bad',
      detail: `not JSON: ${String(error instanceof Error ? error.message : error).slice(0, MAX_SHOWN)}`,
    };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    return { kind: 'bad', detail: 'not a JSON object' };
  const frame: Readonly<Record<string, unknown>> = { ...parsed };
  switch (frame['event']) {
    case 'price':
      return { kind: 'trade', entries: [sampleOf(frame)] };
    case 'subscribe-status':
      return readStatus(frame);
    case 'heartbeat':
    case 'unsubscribe-status':
    case 'reset-status':
      return SIGN_OF_LIFE;
    default:
      return readOther(frame);
  }
}

function sampleOf({
  symbol,
  price,
  timestamp,
  day_volume: dayVolume,
}: Readonly<Record<string, unknown>>): SampleRecord {
  return {
    s: symbol,
    p: price,
    t: typeof timestamp === 'number' ? timestamp * 1_000 : (timestamp ?? null),
    dv: dayVolume ?? null,
  };
}

/** `ok`, `error`, or `warning`, which means that some came through and others did not: no reason to go. */
function readStatus({ status, fails, message }: Readonly<Record<string, unknown>>): FeedFrame {
  const refused = (Array.isArray(fails) ? fails : [fails]).slice(0, MAX_FAILS).flatMap(refusalOf);
  if (refused.length === 0 && status === 'error')
    return { kind: 'error', message: shown(message, 'a subscription was refused') };
  return { kind: 'subscribed', refused };
}

function refusalOf(fail: unknown): readonly RefusedSymbol[] {
  const { symbol, message }: { readonly symbol?: unknown; readonly message?: unknown } =
    typeof fail === 'string' ? { symbol: fail } : Object(fail);
  return typeof symbol === 'string'
    ? [{ symbol, reason: shown(message, 'the vendor does not know it') }]
    : [];
}

/** Errors come without `event`: `{"status":"error","code":…,"message":…}`. */
function readOther({ event, status, code, message }: Readonly<Record<string, unknown>>): FeedFrame {
  if (typeof event === 'string') return { kind: 'unknown', type: event.slice(0, MAX_SHOWN) };
  if (status === 'error' || typeof message === 'string') {
    const number = typeof code === 'number' ? `${code} ` : '';
    return { kind: 'error', message: `${number}${shown(message, 'an error without a word')}` };
  }
  return { kind: 'bad', detail: 'frame without an event' };
}

function shown(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_SHOWN) : otherwise;
}

/** The range of the event times in a frame's text, without reading it as a whole; null if there are none. */
export function eventSpanOf(text: string): EventSpan | null {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  for (const [, digits] of text.matchAll(/"timestamp"\s*:\s*(\d{9,10})\b/g)) {
    const eventTimeMs = Number(digits) * 1_000;
    if (!isEventTime(eventTimeMs)) continue;
    fromMs = Math.min(fromMs, eventTimeMs);
    toMs = Math.max(toMs, eventTimeMs);
  }
  return toMs === 0 ? null : { fromMs, toMs };
}
