import { isEventTime } from '../../event/event-time.ts';
import type { FeedFrame } from '../feed-frame.ts';
import type { EventSpan } from '../outage.ts';

const MAX_MESSAGE_TEXT = 200;

/**
 * Reads a text frame of Finnhub's protocol; whatever it is, it is an answer. `book` is an extension of ours:
 * Finnhub sends no order books, the simulated market does. Source: Finnhub API documentation, "Trades".
 */
export function parseFinnhubFrame(text: string): FeedFrame {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'bad',
      detail: `not JSON: ${String(error instanceof Error ? error.message : error).slice(0, MAX_MESSAGE_TEXT)}`,
    };
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    return { kind: 'bad', detail: 'not a JSON object' };
  }
  const {
    type,
    data,
    msg,
    passed_ms: passedMs,
    recv_ms: recvMs,
  }: Readonly<Record<string, unknown>> = { ...frame };
  switch (type) {
    case 'trade':
    case 'news':
    case 'book':
      return Array.isArray(data)
        ? { kind: type, entries: data }
        : { kind: 'bad', detail: `${type} frame without data` };
    case 'ping':
      return {
        kind: 'ping',
        passedMs: typeof passedMs === 'number' && passedMs > 0 ? passedMs : 0,
        recvMs: Number.isFinite(recvMs) ? Number(recvMs) : null,
      };
    case 'error':
      return { kind: 'error', message: String(msg).slice(0, MAX_MESSAGE_TEXT) };
    default:
      return typeof type === 'string'
        ? { kind: 'unknown', type: type.slice(0, MAX_MESSAGE_TEXT) }
        : { kind: 'bad', detail: 'frame without a type' };
  }
}

/** The range of the event times in a frame's text, without reading it as a whole; null if there are none. */
export function eventSpanOf(text: string): EventSpan | null {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  for (const [, digits] of text.matchAll(/"t"\s*:\s*(\d{12,13})\b/g)) {
    const eventTimeMs = Number(digits);
    if (!isEventTime(eventTimeMs)) continue;
    fromMs = Math.min(fromMs, eventTimeMs);
    toMs = Math.max(toMs, eventTimeMs);
  }
  return toMs === 0 ? null : { fromMs, toMs };
}
